// The checks before a mount, in the order in which their errors help most. Each either passes or
// throws a MountError; none leaves anything changed on disk. The locks that the last one takes are
// the only trace, and they go with the process.
import { close } from '../sys/file.js'
import { checkBacking } from './check-backing.js'
import { lockDirectories, refuseKernelOverlay } from './check-in-use.js'
import { refuseOverlap } from './check-overlap.js'
import {
  openDirectory,
  pathOfDescriptor,
  placeOf,
  type LayerPlace,
} from './layer-place.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { readMountinfo, type MountEntry } from './mountinfo.js'

/** The plan with all links in its paths resolved and its upper and work locked. */
export async function checkLayers(plan: MountPlan): Promise<MountPlan> {
  const mountPoint = resolveMountPoint(plan.mountPoint)
  const mounts = new Map(readMountinfo().map(entry => [entry.id, entry]))
  const { overlay } = plan
  const upper = overlay.upper === null ? null : placeOf('upper', overlay.upper, mounts)
  const work = overlay.work === null ? null : placeOf('work', overlay.work, mounts)
  const isArchived = overlay.archive !== null
  const lowers = isArchived
    ? []
    : overlay.lowers.map(path => placeOf('lower', path, mounts))
  const dataLowers = overlay.dataLowers.map(path =>
    placeOf('data-only lower', path, mounts),
  )
  const writable = upper !== null && work !== null ? [upper, work] : []
  refuseOverlap([...writable, ...lowers, ...dataLowers])
  const resolved: MountPlan = {
    ...plan,
    mountPoint,
    overlay: {
      ...overlay,
      upper: upper?.path ?? null,
      work: work?.path ?? null,
      lowers: isArchived ? overlay.lowers : lowers.map(place => place.path),
      dataLowers: dataLowers.map(place => place.path),
    },
  }
  if (upper === null || work === null) return resolved
  return { ...resolved, locks: await checkWritable(resolved, upper, work, mounts) }
}

async function checkWritable(
  plan: MountPlan,
  upper: LayerPlace,
  work: LayerPlace,
  mounts: ReadonlyMap<number, MountEntry>,
): Promise<number[]> {
  refuseSeparateMounts(upper, work)
  refuseKernelOverlay(upper, mounts.values())
  refuseKernelOverlay(work, mounts.values())
  const locks = await lockDirectories([upper, work])
  try {
    // Only now is the work directory ours alone.
    checkBacking(plan.overlay, upper.path, work.path)
  } catch (error) {
    for (const fd of locks) close(fd)
    throw error
  }
  return locks
}

/** Files are made in the one and renamed into the other (ovl_get_workdir asks for the same). */
function refuseSeparateMounts(upper: LayerPlace, work: LayerPlace): void {
  if (upper.mountId === work.mountId) return
  throw new MountError(
    `the upper directory ${upper.path} and the work directory ${work.path} are on different mounts`,
    'put both on one filesystem, reached through one mount',
  )
}

/** Its path without links. Throws a MountError. */
export function resolveMountPoint(path: string): string {
  const fd = openDirectory('mount point', path)
  try {
    return pathOfDescriptor(fd, 'mount point', path)
  } finally {
    close(fd)
  }
}
