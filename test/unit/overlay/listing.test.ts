// Merged listings: offsets that survive changes and rebuilding.
import t from 'tap'
import { type Entry, Listing } from '../../../src/overlay/listing.js'

const SEED = 0x1234_5678

function entry(name: string): Entry {
  return {
    name,
    type: 8,
    place: 1,
    several: false,
    inoLow: 1,
    inoHigh: 0,
    cookie: 0,
    gone: false,
  }
}

function listing(names: readonly string[]): Listing {
  return new Listing(names.map(entry), SEED)
}

function namesAfter(list: Listing, offset: number): string[] {
  return [...list.after(offset)].map(e => e.name)
}

const many = Array.from({ length: 5000 }, (_, i) => `name-${i}`)

void t.test('every name is found, and no other', async t => {
  const list = listing(many)
  t.equal(list.size, 5000)
  for (const name of many) if (list.find(name)?.name !== name) t.fail(`lost ${name}`)
  t.equal(list.find('absent'), null)
})

void t.test('offsets go up strictly and are those of the names alone', async t => {
  const one = [...listing(many)]
  const other = [...listing([...many].reverse())]
  t.same(
    one.map(e => [e.name, e.cookie]),
    other.map(e => [e.name, e.cookie]),
  )
  for (let i = 1; i < one.length; i++)
    if ((one[i]?.cookie ?? 0) <= (one[i - 1]?.cookie ?? 0))
      t.fail(`offset ${i} does not grow`)
  t.ok(Number.isSafeInteger(one.at(-1)?.cookie), 'exact as a number')
  t.ok((one[0]?.cookie ?? 0) >= 3, 'after those of . and ..')
})

void t.test('a reader goes on where it was, after additions and removals', async t => {
  const list = listing(many)
  const read = [...list.after(0)].slice(0, 2000)
  const offset = read.at(-1)?.cookie ?? 0
  for (let i = 0; i < 1000; i++) list.remove(`name-${i}`)
  for (let i = 0; i < 1000; i++) list.insert(`new-${i}`, 8, i, 0)
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
  const offset = [...before.after(0)][1234]?.cookie ?? 0
  t.same(
    namesAfter(listing([...many, 'later']), offset).filter(n => n !== 'later'),
    namesAfter(before, offset),
  )
})

void t.test('a name removed and made again is there once', async t => {
  const list = listing(['a', 'b'])
  list.remove('a')
  list.insert('a', 4, 9, 0)
  list.insert('a', 4, 10, 0)
  t.same(namesAfter(list, 0).sort(), ['a', 'b'])
  t.equal(list.find('a')?.inoLow, 10)
  t.equal(list.size, 2)
  list.remove('a')
  t.same(namesAfter(list, 0), ['b'])
  list.remove('never')
  t.equal(list.size, 1)
})
