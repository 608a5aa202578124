// Mounts an image of the store by one of the kernel's filesystems: read-only first, then checked,
// then, where a writable layer is asked for, replaced by the writable mount, before anything runs in
// it; then waits until it is unmounted, and cleans up.
import { E, errnoName } from '../../errno/errno.js'
import { log } from '../../log/log.js'
import type { Progress } from '../../image/progress.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import { mountKey } from '../../image/store/kernel-mount.js'
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
import { Block } from './block.js'
import { Btrfs } from './btrfs.js'
import { attach, detach } from './detached.js'
import type { Driver, DriverContext, DriverName } from './driver.js'
import { Overlay2 } from './overlay2.js'
import { Vfs } from './vfs.js'
import { waitForEnd } from './wait-for-end.js'

export type KernelDriver = Exclude<DriverName, 'plyfs' | 'aufs'>

/** The exit status, after the unmount. Throws a MountError or an ImageError. */
export async function mountByDriver(
  name: KernelDriver,
  store: Store,
  mount: ImageMount,
  verify: VerifyMode,
  progress: Progress,
): Promise<number> {
  const request = readOptions(name, mount.options)
  refuseOwnersInAttributes(name, store)
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
    await mountChecked(driver, mountPoint, request.flagsOn)
    try {
      const folder =
        mount.writable === null
          ? null
          : await replaceByWritable(driver, context, mount.writable, mountPoint, held)
      held.push(await useByKernel(store, image, mountPoint, folder))
      use.end()
      endOnSignals(mountPoint)
      ready()
      await waitForEnd(mountPoint)
    } catch (error) {
      detach(mountPoint, true)
      throw error
    }
    return 0
  } finally {
    for (const end of held.toReversed()) end()
  }
}

function makeDriver(name: KernelDriver, context: DriverContext): Driver {
  switch (name) {
    case 'overlay2':
      return new Overlay2(context)
    case 'vfs':
      return new Vfs(context)
    case 'btrfs':
      return new Btrfs(context)
    case 'block':
      return new Block(context)
  }
}

/** Nothing stays mounted that is not what was recorded. */
async function mountChecked(
  driver: Driver,
  mountPoint: string,
  flags: number,
): Promise<void> {
  const tree = driver.openImage()
  const root = openat2(tree, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (root < 0) {
    close(tree)
    throw new FsError(root, 'open', mountPoint)
  }
  try {
    attach(tree, mountPoint, flags | MS_RDONLY)
    try {
      await driver.verify(root)
    } catch (error) {
      detach(mountPoint, true)
      throw error
    }
  } finally {
    close(root)
  }
}

async function replaceByWritable(
  driver: Driver,
  { store, image, request }: DriverContext,
  name: string,
  mountPoint: string,
  held: (() => void)[],
): Promise<string> {
  const layer =
    name === ''
      ? store.writable.passing(image.id, driver.layers)
      : store.writable.named(name, image.id, driver.layers)
  held.push(() => layer.end())
  for (const lock of await lockLayer(driver, layer)) held.push(() => close(lock))
  const tree = driver.openWritable(layer.folder)
  detach(mountPoint, true)
  attach(tree, mountPoint, request.flagsOn)
  return layer.folder
}

function usedWith(writable: string | null): { writable?: string } {
  return writable === null ? {} : { writable }
}

/** A use that lasts as long as the mount, should this process be killed; its end. */
async function useByKernel(
  store: Store,
  image: ImageRecord,
  mountPoint: string,
  folder: string | null,
): Promise<() => void> {
  const { mountId } = placeOf('lower', mountPoint, new Map())
  const mounted = mountKey(mountId)
  const use = await store.use(image, 'mount', mountPoint, {
    ...usedWith(folder === null ? null : folder.slice(folder.lastIndexOf('/') + 1)),
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

/** A busy mount goes out of sight at once and ends with its last user. */
function endOnSignals(mountPoint: string): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      const result = detach(mountPoint, true)
      // EINVAL: somebody else was first.
      if (result < 0 && result !== -E.EINVAL)
        log.error(`umount ${mountPoint}: ${errnoName(-result)}`)
    })
}

/** Owners of a store that was made without privilege are no kernel's to read. */
function refuseOwnersInAttributes(name: string, store: Store): void {
  if (store.format === 'kernel-trusted') return
  throw new MountError(
    `--driver=${name}: the store ${store.place.root} was made without privilege and keeps owners in attributes`,
    'use --driver=plyfs, or a store of root',
  )
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
