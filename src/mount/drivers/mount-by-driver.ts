// Mounts an image of the store by one of the kernel's filesystems: read-only first, then checked,
// then, where a writable layer is asked for, replaced by the writable mount, before anything runs in
// it; then waits until it is unmounted, and cleans up.
import type { Progress } from '../../image/progress.js'
import type { Store } from '../../image/store/store.js'
import type { WritableLayer } from '../../image/store/writable.js'
import type { VerifyMode } from '../../image/verify.js'
import { MS_RDONLY, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { FsError } from '../../errno/fs-error.js'
import { lockDirectories, refuseKernelOverlay } from '../check-in-use.js'
import { resolveMountPoint } from '../check-layers.js'
import { placeOf } from '../layer-place.js'
import { MountError } from '../mount-error.js'
import type { ImageMount } from '../mount-image.js'
import { readMountinfo } from '../mountinfo.js'
import { emptyRequest, type MountRequest } from '../mount-request.js'
import { parseOptions } from '../parse-options.js'
import { prepareReady } from '../ready.js'
import { raiseFileLimit } from '../serve.js'
import type { Driver, DriverContext } from './driver.js'
import { type KernelDriver, makeDriver } from './make-driver.js'
import { MountPlace } from './mount-place.js'

/** The exit status, after the unmount. Throws a MountError or an ImageError. */
export async function mountByDriver(
  name: KernelDriver,
  store: Store,
  mount: ImageMount,
  verify: VerifyMode,
  progress: Progress,
): Promise<number> {
  const request = readOptions(name, mount.options)
  const mountPoint = resolveMountPoint(mount.mountPoint)
  raiseFileLimit()
  const { image } = mount
  const lowers = await store.unpacked(image, progress)
  const layer = mount.writable === '' ? null : mount.writable
  const use = await store.use(image, 'mount', mountPoint, usedWith(layer))
  const held: (() => void)[] = [() => use.end()]
  try {
    const chain = store.layers.chainOf(store.configOf(image))
    const source = request.source ?? mount.name
    const context = { store, image, chain, lowers, request, source, verify, progress }
    const driver = makeDriver(name, context)
    await driver.prepare()
    // Opened before the mount, which may lie over /dev.
    const ready = prepareReady(mount.foreground, process.env)
    const place = new MountPlace(mountPoint, driver.isFilesystem)
    held.push(() => {
      place.close()
    })
    try {
      await mountChecked(driver, store, place, request.flagsOn)
      const folder =
        mount.writable === null
          ? null
          : await replaceByWritable(driver, context, mount.writable, place, held)
      const name = folder?.slice(folder.lastIndexOf('/') + 1) ?? null
      held.push(await useByKernel(store, { image, mountPoint }, place.key, name))
      use.end()
      place.refuseEnded()
      ready()
      await place.ended()
    } catch (error) {
      place.detach()
      throw error
    }
    return 0
  } finally {
    for (const end of held.toReversed()) end()
  }
}

/** Nothing stays mounted that is not what was recorded. */
async function mountChecked(
  driver: Driver,
  store: Store,
  place: MountPlace,
  flags: number,
): Promise<void> {
  const tree = await store.whileAdding(() => Promise.resolve(driver.openImage()))
  const root = openat2(tree, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (root < 0) {
    close(tree)
    throw new FsError(root, 'open')
  }
  try {
    place.put(tree, flags | MS_RDONLY)
    await driver.verify(root)
  } finally {
    close(root)
  }
}

async function replaceByWritable(
  driver: Driver,
  { store, image, request }: DriverContext,
  name: string,
  place: MountPlace,
  held: (() => void)[],
): Promise<string> {
  const layer =
    name === ''
      ? store.writable.passing(image.id, driver.layers)
      : store.writable.named(name, image.id, driver.layers)
  held.push(() => {
    // What may still be in use is left to `gc`.
    if (place.isFree()) layer.end()
  })
  for (const lock of await lockLayer(driver, layer)) held.push(() => close(lock))
  const open = (): Promise<number> => Promise.resolve(driver.openWritable(layer.folder))
  place.put(await store.whileAdding(open), request.flagsOn)
  return layer.folder
}

function usedWith(writable: string | null): { writable?: string } {
  return writable === null ? {} : { writable }
}

/** A use that lasts as long as the mount, should this process be killed; its end. */
async function useByKernel(
  store: Store,
  { image, mountPoint }: Pick<ImageMount, 'image' | 'mountPoint'>,
  mounted: string | null,
  writable: string | null,
): Promise<() => void> {
  const use = await store.use(image, 'mount', mountPoint, {
    ...usedWith(writable),
    ...(mounted === null ? {} : { mounted }),
  })
  return () => {
    use.end()
  }
}

/** One mount at a time: two would not know of each other's changes. */
async function lockLayer(
  driver: Driver,
  { folder, upper, work }: WritableLayer,
): Promise<number[]> {
  const mounts = readMountinfo()
  const byId = new Map(mounts.map(entry => [entry.id, entry]))
  if (driver.layers.kind !== 'overlay')
    return lockDirectories([placeOf('upper', folder, byId)])
  const places = [placeOf('upper', upper, byId), placeOf('work', work, byId)]
  for (const place of places) refuseKernelOverlay(place, mounts)
  return lockDirectories(places)
}

const GENERIC: readonly (keyof MountRequest)[] = [
  'flagsOn',
  'flagsOff',
  'source',
  'debug',
]
const OVERLAY: readonly (keyof MountRequest)[] = [
  ...['redirectDir', 'index', 'metacopy', 'xino', 'uuid', 'fsync'],
] as (keyof MountRequest)[]

/** The options of `-o` that the driver's filesystem has too. Throws a MountError for others. */
function readOptions(name: KernelDriver, options: readonly string[]): MountRequest {
  const request = parseOptions(options, 'refuse')
  const known = name === 'overlay2' ? [...GENERIC, ...OVERLAY] : GENERIC
  const nothing = emptyRequest()
  const fields = Object.keys(nothing) as (keyof MountRequest)[]
  const isSet = (field: keyof MountRequest): boolean =>
    JSON.stringify(request[field]) !== JSON.stringify(nothing[field])
  if (!fields.some(field => isSet(field) && !known.includes(field))) return request
  throw new MountError(
    `-o ${options.join(',')}: --driver=${name} does not have all of these options`,
    `leave all but the flags of mount(8) out, or use --driver=plyfs`,
  )
}
