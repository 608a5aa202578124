// `uidmapping=` and `gidmapping=`: which ids on disk are shown as which on the mount. Pure.
import type { IdMapping } from '../overlay/options.js'
import { MountError } from './mount-error.js'

/**
 * `DISK:SHOWN:COUNT` triples, one after the other with colons between. Empty pieces are skipped,
 * since containers/storage begins the list with a colon. As in fuse-overlayfs, the first number
 * is the id on disk (an image's, the container's view) and the second the one that the mount
 * shows (the host's view of the container's user).
 */
export function parseIdMapping(option: string, text: string): IdMapping[] {
  const numbers = text.split(':').filter(piece => piece !== '')
  if (numbers.length === 0 || numbers.length % 3 !== 0) throw malformed(option, text)
  if (!numbers.every(number => /^[0-9]{1,10}$/.test(number)))
    throw malformed(option, text)
  const mappings: IdMapping[] = []
  for (let at = 0; at < numbers.length; at += 3) {
    const [outside, inside, count] = numbers.slice(at, at + 3).map(Number)
    if (!isId(outside) || !isId(inside) || !isId(count)) throw malformed(option, text)
    if (count === 0) throw malformed(option, text)
    if (outside + count > ID_LIMIT || inside + count > ID_LIMIT)
      throw malformed(option, text)
    mappings.push({ inside, outside, count })
  }
  refuseOverlaps(option, text, mappings)
  return mappings
}

/** (uid_t) -1 is no id. */
const ID_LIMIT = 0xffff_ffff

function isId(value: number | undefined): value is number {
  return value !== undefined && value < ID_LIMIT
}

function malformed(option: string, text: string): MountError {
  return new MountError(
    `option ${option}=${text} is not a list of mappings`,
    `write ${option}=DISK:SHOWN:COUNT, more of them after another colon`,
  )
}

/** Two mappings that share an id have no one answer (new_idmap of the kernel refuses them too). */
function refuseOverlaps(
  option: string,
  text: string,
  mappings: readonly IdMapping[],
): void {
  for (const side of ['inside', 'outside'] as const) {
    const sorted = mappings.toSorted((one, other) => one[side] - other[side])
    for (const [i, mapping] of sorted.entries()) {
      const next = sorted[i + 1]
      if (next !== undefined && mapping[side] + mapping.count > next[side]) {
        throw new MountError(
          `option ${option}=${text} maps an id twice`,
          'make the ranges separate',
        )
      }
    }
  }
}
