// uidmapping= and gidmapping=. Which number is which was tried on fuse-overlayfs 1.10: with
// 0:1000:1, a file of root on disk is shown as 1000's.
import t from 'tap'
import { parseIdMapping } from '../../../src/mount/id-mapping.js'

const parse = (text: string) => parseIdMapping('uidmapping', text)

t.test('triples', async t => {
  t.same(parse('0:1000:1'), [{ outside: 0, inside: 1000, count: 1 }])
  t.same(parse('0:1000:1:1:110000:65536'), [
    { outside: 0, inside: 1000, count: 1 },
    { outside: 1, inside: 110000, count: 65536 },
  ])
})

t.test('what containers/storage sends', async t => {
  t.same(parse(':0:100000:65536'), [{ outside: 0, inside: 100000, count: 65536 }])
  t.equal(parse(':0:1:1001:1001:0:1:1002:1002:64535').length, 3)
})

t.test('what is none', async t => {
  for (const text of [
    '',
    ':',
    '0:1',
    '0:1:2:3',
    'a:b:c',
    '0:0x10:1',
    '-1:0:1',
    '0:0:0',
  ]) {
    t.throws(() => parse(text), { message: /is not a list of mappings/ }, text)
  }
  t.throws(() => parse('4294967295:0:1'), { message: /not a list/ }, '(uid_t) -1')
  t.throws(
    () => parse('4294967290:0:10'),
    { message: /not a list/ },
    'beyond the last id',
  )
})

t.test('an id in two ranges', async t => {
  t.throws(() => parse('0:0:10:5:100:1'), { message: /maps an id twice/ })
  t.throws(() => parse('0:0:10:10:9:1'), { message: /maps an id twice/ })
})
