// What names in archives ask for, whatever they look like.
import t from 'tap'
import { parseEntryName } from '../../../src/layer/entry-name.js'

t.test('objects, relative to the root', async t => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a', ['a']],
    ['./a', ['a']],
    ['/a', ['a']],
    ['//a//b/', ['a', 'b']],
    ['a/./b', ['a', 'b']],
    ['a/../b', ['b']],
    ['a/b/../../c', ['c']],
    ['./', []],
    ['/', []],
    ['.', []],
    ['a/..', []],
    ['...', ['...']],
    ['..a', ['..a']],
    ['.whx', ['.whx']],
    ['\xff\x01', ['\xff\x01']],
  ]
  for (const [path, components] of cases)
    t.same(parseEntryName(path, 10), { kind: 'object', components }, path)
})

t.test('what hides', async t => {
  t.same(parseEntryName('.wh.x', 10), { kind: 'whiteout', directory: [], name: 'x' })
  t.same(parseEntryName('./a/.wh..x', 10), {
    kind: 'whiteout',
    directory: ['a'],
    name: '.x',
  })
  t.same(parseEntryName('a/.wh.....', 10), {
    kind: 'whiteout',
    directory: ['a'],
    name: '....',
  })
  t.same(parseEntryName('a/.wh..wh..opq', 10), { kind: 'opaque', directory: ['a'] })
  t.same(parseEntryName('.wh..wh..opq', 10), { kind: 'opaque', directory: [] })
  for (const path of [
    '.wh..wh.plnk',
    '.wh..wh.plnk/1',
    '.wh..wh.aufs',
    'd/.wh..wh.orph/x',
  ])
    t.same(parseEntryName(path, 10), { kind: 'aufs' }, path)
})

t.test('what is refused', async t => {
  const malformed = ['', '..', '../a', 'a/../..', '.wh.', '.wh..', '.wh...', '.wh.a/b']
  for (const path of [...malformed, '.wh.a/.wh..wh..opq', '.wh.a/.wh.b'])
    t.throws(() => parseEntryName(path, 10), { code: 'malformed' }, path)
  t.throws(() => parseEntryName('n'.repeat(256), 10), { code: 'limit' })
  t.throws(() => parseEntryName(`${'d/'.repeat(11)}f`, 10), { code: 'limit' })
  t.ok(parseEntryName(`${'d/'.repeat(10)}f`, 10))
})
