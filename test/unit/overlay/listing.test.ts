// Merged listings: offsets that survive changes and rebuilding, and names as they were put in.
import t from 'tap'
import { beginListing, Listing } from '../../../src/overlay/listing.js'
import { Draft, NameHash, PLACE_SHIFT } from '../../../src/overlay/listing-draft.js'

const SEED = 0x1234_5678
const REGULAR = 8
const LOWER = REGULAR | (1 << PLACE_SHIFT)

interface Shown {
  readonly name: string
  readonly cookie: number
}

function listing(names: readonly string[]): Listing {
  const draft = beginListing(SEED)
  for (const name of names) draft.addName(name, LOWER, 1, 0)
  return new Listing(SEED, draft.arrange())
}

function after(list: Listing, offset: number): Shown[] {
  const shown: Shown[] = []
  for (let i = list.firstAfter(offset); i < list.length; i++)
    if (!list.isGone(i)) shown.push({ name: list.nameAt(i), cookie: list.cookieAt(i) })
  return shown
}

function namesAfter(list: Listing, offset: number): string[] {
  return after(list, offset).map(one => one.name)
}

const many = Array.from({ length: 5000 }, (_, i) => `name-${i}`)

void t.test('every name is found, and no other', async t => {
  const list = listing(many)
  t.equal(list.size, 5000)
  for (const name of many)
    if (list.nameAt(list.indexOf(name)) !== name) t.fail(`lost ${name}`)
  t.equal(list.indexOf('absent'), -1)
  t.equal(list.placeOf('absent'), -1)
  t.equal(list.placeOf('name-7'), 1)
})

void t.test('names of any bytes and lengths keep them', async t => {
  const odd = [
    'a',
    '\xff\xfe',
    'x'.repeat(255),
    '\x01',
    'ÿ'.repeat(200),
    'a b',
    '.hidden',
  ]
  const list = listing(odd)
  t.same(namesAfter(list, 0).sort(), [...odd].sort())
  for (const name of odd) t.equal(list.lengthAt(list.indexOf(name)), name.length)
  const all = list.namesOf(0, list.length)
  for (let i = 0; i < list.length; i++) {
    const start = list.startOf(i) - list.startOf(0)
    t.equal(all.slice(start, all.indexOf('\0', start)), list.nameAt(i))
  }
})

void t.test('offsets go up strictly and are those of the names alone', async t => {
  const one = after(listing(many), 0)
  t.same(one, after(listing([...many].reverse()), 0))
  for (let i = 1; i < one.length; i++)
    if ((one[i]?.cookie ?? 0) <= (one[i - 1]?.cookie ?? 0))
      t.fail(`offset ${i} does not grow`)
  t.ok(Number.isSafeInteger(one.at(-1)?.cookie), 'exact as a number')
  t.ok((one[0]?.cookie ?? 0) >= 3, 'after those of . and ..')
})

void t.test('few names and many are ordered alike', async t => {
  const few = many.slice(0, 20)
  const place = new Map(namesAfter(listing(many), 0).map((name, i) => [name, i]))
  const order = namesAfter(listing(few), 0).map(name => place.get(name) ?? -1)
  t.same(
    order,
    [...order].sort((a, b) => a - b),
  )
})

void t.test('a reader goes on where it was, after additions and removals', async t => {
  const list = listing(many)
  const read = after(list, 0).slice(0, 2000)
  const offset = read.at(-1)?.cookie ?? 0
  for (let i = 0; i < 1000; i++) list.remove(`name-${i}`)
  for (let i = 0; i < 1000; i++) list.insert(`new-${i}`, REGULAR, i, 0)
  const rest = namesAfter(list, offset)
  const seen = new Set([...read.map(e => e.name), ...rest])
  t.equal(new Set(rest).size, rest.length, 'no name twice')
  for (let i = 1000; i < 5000; i++)
    if (!seen.has(`name-${i}`)) t.fail(`name-${i} was there throughout and is missing`)
  for (const name of rest)
    if (name.startsWith('name-') && Number(name.slice(5)) < 1000)
      t.fail(`${name} was removed`)
})

void t.test('a rebuilt list goes on from an offset of the old one', async t => {
  const before = listing(many)
  const offset = after(before, 0)[1234]?.cookie ?? 0
  t.same(
    namesAfter(listing([...many, 'later']), offset).filter(n => n !== 'later'),
    namesAfter(before, offset),
  )
})

void t.test('a name removed and made again is there once', async t => {
  const list = listing(['a', 'b'])
  list.remove('a')
  t.equal(list.has('a'), false)
  list.insert('a', 4, 9, 0)
  t.equal(list.has('a'), true)
  t.equal(list.placeOf('a'), 0)
  list.insert('a', 4, 10, 0)
  t.same(namesAfter(list, 0).sort(), ['a', 'b'])
  t.equal(list.inoLow(list.indexOf('a')), 10)
  t.equal(list.typeAt(list.indexOf('a')), 4)
  t.equal(list.size, 2)
  list.remove('a')
  t.same(namesAfter(list, 0), ['b'])
  list.remove('never')
  t.equal(list.size, 1)
})

void t.test('what was copied up lies in the upper, and below', async t => {
  const list = listing(['a', 'b'])
  t.equal(list.isOnlyInUpper('a'), false)
  list.moveToUpper('a')
  t.equal(list.placeOf('a'), 0)
  t.equal(list.isOnlyInUpper('a'), false)
  t.equal(list.placeOf('b'), 1)
})

void t.test('a name of the upper alone is told from one that may lie below', async t => {
  const draft = beginListing(SEED)
  draft.addName('alone', REGULAR, 1, 0)
  const list = new Listing(SEED, draft.arrange())
  t.equal(list.isOnlyInUpper('alone'), true)
  list.insert('made', REGULAR, 2, 0)
  t.equal(list.isOnlyInUpper('made'), false, 'it may lie over a hidden name')
  namesAfter(list, 0)
  t.equal(list.isOnlyInUpper('made'), false, 'after it was brought into the order, too')
})

void t.test('a hash is the same from bytes and from a name', async t => {
  const draft = new Draft().begin(SEED)
  const bytes = Buffer.from('..some name\xff..', 'latin1')
  draft.add(bytes, 2, bytes.length - 2, REGULAR, 0, 0)
  const { words } = draft.arrange()
  const hash = new NameHash()
  hash.ofName('some name\xff', SEED)
  t.same([words[0], words[1]], [hash.low, hash.high])
})
