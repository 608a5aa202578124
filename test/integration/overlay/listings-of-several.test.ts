// Two who list one directory at once, while names are made in it: what the kernel keeps of the first
// listing does not become a part of the second.
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs } from '../../helpers/mounted.js'
import { makeStack } from '../../helpers/stack.js'
import { dir, file } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** Several reads of readdir(3)'s 32 KiB. */
const OLD = 4000
const NEW = 100

const padded = (name: string): string => name.padEnd(60, '-')

/** The rest of a listing, or so many names of it. */
function read(directory: fs.Dir, most = Infinity): string[] {
  const names: string[] = []
  while (names.length < most) {
    const entry = directory.readSync()
    if (entry === null) break
    names.push(entry.name)
  }
  return names
}

for (const [what, mount] of [
  ['kernel overlayfs', mountOverlay],
  ['plyfs', mountPlyfs],
] as const)
  t.test(what, async t => {
    const old = Array.from({ length: OLD }, (_, i) => [padded(`old${i}`), file('')])
    const layers = await makeStack({
      lowers: [{ d: dir(Object.fromEntries(old) as Record<string, never>) }],
    })
    const mounted = await mount(layers)
    const d = `${mounted.point}/d`
    // The directory is in the upper from now on.
    fs.writeFileSync(`${d}/first`, '')
    for (let round = 0; round < 3; round++) {
      const one = fs.opendirSync(d, { bufferSize: 1 })
      read(one, (OLD * 3) / 4)
      const made = Array.from({ length: NEW }, (_, i) => padded(`new${round}.${i}`))
      for (const name of made) fs.writeFileSync(`${d}/${name}`, '')
      const other = fs.opendirSync(d, { bufferSize: 1 })
      const begun = read(other, 1)
      read(one)
      const seen = [...begun, ...read(other)]
      t.same(
        made.filter(name => !seen.includes(name)),
        [],
        'names made before it began',
      )
      t.equal(new Set(seen).size, seen.length, 'none twice')
      t.equal(seen.filter(name => name.startsWith('old')).length, OLD)
      one.closeSync()
      other.closeSync()
      const alone = fs.readdirSync(d)
      t.equal(alone.length, 1 + OLD + NEW * (round + 1), 'and one who lists alone')
    }
    t.same(await mounted.end(), [])
  })
