// Which layers may not lie in one another. Pure: works on places alone. The rules are the kernel's
// (ovl_check_overlapping_layers, ovl_get_trap_inode, ovl_workdir_ok): no directory twice, no lower
// inside another layer, upper and work in separate trees. An upper inside a lower is allowed.
import type { LayerPlace } from './layer-place.js'
import { MountError } from './mount-error.js'

/** Throws a MountError for the first pair of layers that overlap. */
export function refuseOverlap(places: readonly LayerPlace[]): void {
  const byIdentity = new Map<string, LayerPlace>()
  for (const place of places) {
    const same = byIdentity.get(place.identity)
    if (same !== undefined) throw sameDirectory(same, place)
    byIdentity.set(place.identity, place)
  }
  const upper = places.find(place => place.role === 'upper')
  const work = places.find(place => place.role === 'work')
  if (upper !== undefined && work !== undefined) refuseNested(upper, work)
  const byPath = new Map(places.map(place => [keyOf(place), place]))
  for (const place of places) {
    if (place.role === 'upper' || place.role === 'work') continue
    const around = enclosing(place, byPath)
    if (around !== undefined) throw insideAnother(place, around)
  }
}

function refuseNested(upper: LayerPlace, work: LayerPlace): void {
  const isNested = isInside(upper, work) || isInside(work, upper)
  if (!isNested) return
  throw new MountError(
    `the upper directory ${upper.path} and the work directory ${work.path} lie in one another`,
    'make them separate directories side by side',
  )
}

function isInside(inner: LayerPlace, outer: LayerPlace): boolean {
  return ancestorKeys(inner).includes(keyOf(outer))
}

/** The nearest other layer that a place lies in. */
function enclosing(
  place: LayerPlace,
  byPath: ReadonlyMap<string, LayerPlace>,
): LayerPlace | undefined {
  for (const key of ancestorKeys(place)) {
    const found = byPath.get(key)
    if (found !== undefined) return found
  }
  return undefined
}

function keyOf({ inside, identity }: LayerPlace): string {
  return inside === null ? identity : `${inside.device} ${inside.path}`
}

/** The keys of all directories above a place in its filesystem, nearest first. */
function ancestorKeys({ inside }: LayerPlace): string[] {
  if (inside === null) return []
  const keys: string[] = []
  for (let end = inside.path.lastIndexOf('/'); end > 0;) {
    keys.push(`${inside.device} ${inside.path.slice(0, end)}`)
    end = inside.path.lastIndexOf('/', end - 1)
  }
  return inside.path === '/' ? keys : [...keys, `${inside.device} /`]
}

function sameDirectory(one: LayerPlace, other: LayerPlace): MountError {
  return new MountError(
    one.role === other.role
      ? `the ${one.role} directory ${one.path} is given twice`
      : `${one.path} is given as ${one.role} and as ${other.role} directory`,
    'name each directory once',
  )
}

function insideAnother(place: LayerPlace, around: LayerPlace): MountError {
  return new MountError(
    `the ${place.role} directory ${place.path} lies inside the ${around.role} directory ${around.path}`,
    'name directories that do not overlap',
  )
}
