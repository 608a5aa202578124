// `-o` strings taken apart.
import t from 'tap'
import { splitOptions } from '../../../src/mount/tokens.js'

const cases: readonly [string, readonly (readonly [string, string | null])[]][] = [
  ['', []],
  [',', []],
  ['ro', [['ro', null]]],
  [
    'ro,,nodev,',
    [
      ['ro', null],
      ['nodev', null],
    ],
  ],
  [
    'a=1,b=,c',
    [
      ['a', '1'],
      ['b', ''],
      ['c', null],
    ],
  ],
  ['lowerdir=/a=b:/c', [['lowerdir', '/a=b:/c']]],
  [
    'lowerdir+=/a:b,datadir+=/c',
    [
      ['lowerdir+', '/a:b'],
      ['datadir+', '/c'],
    ],
  ],
  [
    'upperdir=/a\\,b,ro',
    [
      ['upperdir', '/a\\,b'],
      ['ro', null],
    ],
  ],
  [
    'upperdir=/a\\\\,ro',
    [
      ['upperdir', '/a\\\\'],
      ['ro', null],
    ],
  ],
  [
    'x,context="system_u:object_r:container_file_t:s0:c1,c2",y',
    [
      ['x', null],
      ['context', 'system_u:object_r:container_file_t:s0:c1,c2'],
      ['y', null],
    ],
  ],
  ['context="a,b"', [['context', 'a,b']]],
  // Quotes that are part of a name.
  [
    'lowerdir=/a"b,upperdir=/c"d',
    [
      ['lowerdir', '/a"b'],
      ['upperdir', '/c"d'],
    ],
  ],
  [
    'lowerdir="a,ro',
    [
      ['lowerdir', '"a'],
      ['ro', null],
    ],
  ],
  [
    'lowerdir="a"b,ro',
    [
      ['lowerdir', '"a"b'],
      ['ro', null],
    ],
  ],
  ['a\\', [['a\\', null]]],
]

t.test('options of a string', async t => {
  for (const [text, expected] of cases) {
    t.same(
      splitOptions(text).map(({ name, value }) => [name, value]),
      expected,
      text,
    )
  }
})

t.test('the text is kept as written', async t => {
  t.same(
    splitOptions('foo="a,b",bar\\,baz').map(({ text }) => text),
    ['foo="a,b"', 'bar\\,baz'],
  )
})
