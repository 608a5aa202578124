// Mounts an image of the store: its layers read-only, then checked, then, where a writable layer
// is asked for, that layer on top, on one mount and one connection throughout.
import type { OpenedArchive } from '../image/archives/open-archive.js'
import type { Digest } from '../image/model/digest.js'
import { ImageError } from '../image/model/errors.js'
import type { ImageRecord } from '../image/store/image-record.js'
import type { Store } from '../image/store/store.js'
import type { WritableLayer } from '../image/store/writable.js'
import type { Progress } from '../image/progress.js'
import {
  type ArchivedLowers,
  openArchivedLowers,
} from '../layer/archive-layer/archived-lowers.js'
import { LayerRefusal } from '../layer/archive-layer/resolve-below.js'
import { layerFormat, type LayerFormat } from '../layer/format.js'
import type { DirectoryAt } from '../image/store/like-directory.js'
import { AT_FDCWD, MS_RDONLY } from '../sys/constants.js'
import { checkLayers } from './check-layers.js'
import { circumstances } from './circumstances.js'
import { escapePath } from './layer-paths.js'
import type { MountPlan } from './mount-plan.js'
import { planMount } from './open-mount.js'
import { parseOptions } from './parse-options.js'
import type { Serve } from './serve.js'

export interface ImageMount extends RootMount {
  readonly image: ImageRecord
}

/** What a mount of an image is asked for, wherever its layers are. */
export interface RootMount {
  /** What the image was called, for the mount table. */
  readonly name: string
  /** Bytes. */
  readonly mountPoint: string
  /** Generic mount options, as after `-o`. */
  readonly options: readonly string[]
  /** null: read-only; '' a writable layer that goes with the mount; else one kept by name. */
  readonly writable: string | null
  readonly foreground: boolean
  readonly debug: boolean
  /** Whiteouts and opaque directories are written as AUFS does. */
  readonly aufs?: boolean
}

/** Checks the layers, between the read-only mount and the attaching of the writable layer. */
export type Verification = (layers: readonly string[]) => Promise<void>

/** Mounts and serves; the exit status. Throws a MountError or an ImageError. */
export async function mountImage(
  store: Store,
  request: ImageMount,
  env: Readonly<Record<string, string | undefined>>,
  progress: Progress,
  verify: Verification,
  serve: Serve,
): Promise<number> {
  const lowers = await store.unpacked(request.image, progress)
  const name = request.writable ?? ''
  const use = await store.use(
    request.image,
    'mount',
    request.mountPoint,
    name === '' ? {} : { writable: name },
  )
  let writable: WritableLayer | null = null
  try {
    const [top = ''] = lowers
    const root = { fd: AT_FDCWD, name: top }
    writable = openWritable(store, request, request.image.id, root)
    const planned = planImage(store, request, lowers, writable, env)
    const tree = trustsLayers(planned, store) ? store.treeOf(request.image) : null
    const plan = await checkLayers({ ...planned, tree })
    return await serve(plan, () => verify(lowers))
  } finally {
    writable?.end()
    use.end()
  }
}

/**
 * The same with layers that stay in their archive.
 * @throws MountError, ImageError.
 */
export async function mountArchive(
  store: Store,
  archive: OpenedArchive,
  request: RootMount,
  env: Readonly<Record<string, string | undefined>>,
  verify: () => Promise<void>,
  serve: Serve,
): Promise<number> {
  const { lowers } = archive
  const opened = openForChecks(archive, layerFormat(store.format, true, false))
  let writable: WritableLayer | null = null
  try {
    const root = { fd: opened.layers[0]?.rootFd ?? -1, name: '' }
    writable = openWritable(store, request, archive.id, root)
    const labels = lowers.layers.map(({ label }) => label)
    const plan = await checkLayers(
      planImage(store, request, labels, writable, env, lowers),
    )
    return await serve(plan, verify)
  } finally {
    writable?.end()
    opened.close()
  }
}

/** The serving thread opens them again; what is wrong with them is known before it is started. */
function openForChecks(
  { lowers }: OpenedArchive,
  format: LayerFormat,
): ReturnType<typeof openArchivedLowers> {
  try {
    return openArchivedLowers(lowers, format)
  } catch (error) {
    if (!(error instanceof LayerRefusal)) throw error
    const layer = lowers.layers[error.layer]?.origin.digest ?? ''
    throw new ImageError(error.code, `layer ${layer}: ${error.message}`, { layer }, error)
  }
}

/** @param top the root of the topmost layer. */
function openWritable(
  store: Store,
  { writable, aufs }: RootMount,
  image: Digest,
  top: DirectoryAt,
): WritableLayer | null {
  if (writable === null) return null
  const maker = store.writable.overUpper(aufs === true ? 'aufs' : 'overlay', top)
  return writable === ''
    ? store.writable.passing(image, maker)
    : store.writable.named(writable, image, maker)
}

/**
 * The mount of an image's layers, read-only until the writable layer, where there is one, is
 * attached. Pure; throws a MountError.
 * @param archive where the layers lie, which `lowers` then only name; null for folders.
 */
export function planImage(
  store: Pick<Store, 'format'>,
  request: Omit<RootMount, 'writable'>,
  lowers: readonly string[],
  writable: Pick<WritableLayer, 'upper' | 'work'> | null,
  env: Readonly<Record<string, string | undefined>>,
  archive: ArchivedLowers | null = null,
): MountPlan {
  const parsed = parseOptions(request.options, 'refuse')
  parsed.lowerTexts = lowers.map(path => ({
    option: 'lowerdir+',
    text: escapePath(path),
  }))
  parsed.upperText = writable === null ? null : escapePath(writable.upper)
  parsed.workText = writable === null ? null : escapePath(writable.work)
  if (request.aufs === true) parsed.format = 'aufs'
  else parsed.userxattr = store.format === 'kernel-user'
  parsed.source ??= request.name
  const given = circumstances('verb', 'plyfs', env)
  const planned = planMount(
    {
      form: 'verb',
      program: 'plyfs',
      options: [],
      source: null,
      mountPoint: request.mountPoint,
      foreground: request.foreground,
      debug: request.debug,
      sloppy: false,
    },
    parsed,
    given,
  )
  const plan = { ...planned, overlay: { ...planned.overlay, archive } }
  if (writable === null) return plan
  return {
    ...plan,
    overlay: { ...plan.overlay, attachesUpper: true },
    device: { ...plan.device, flags: plan.device.flags | MS_RDONLY },
  }
}

/** Whether a mount reads the store's layers as they were written, and takes them to stay so. */
function trustsLayers({ overlay }: MountPlan, store: Store): boolean {
  const { format, dotWhiteouts, timeout } = overlay
  return format === store.format && !dotWhiteouts && timeout === Infinity
}
