// Mounts an image of the store: its layers read-only, then checked, then, where a writable layer
// is asked for, that layer on top, on one mount and one connection throughout.
import type { ImageRecord } from '../image/store/image-record.js'
import type { Store } from '../image/store/store.js'
import type { WritableLayer } from '../image/store/writable.js'
import type { Progress } from '../image/progress.js'
import { MS_RDONLY } from '../sys/constants.js'
import { checkLayers } from './check-layers.js'
import { circumstances } from './circumstances.js'
import type { MountPlan } from './mount-plan.js'
import { planMount } from './open-mount.js'
import { parseOptions } from './parse-options.js'
import { serve } from './serve.js'

export interface ImageMount {
  readonly image: ImageRecord
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
): Promise<number> {
  const lowers = await store.unpacked(request.image, progress)
  const name = request.writable ?? ''
  const use = await store.use(
    request.image,
    'mount',
    request.mountPoint,
    name === '' ? undefined : name,
  )
  let writable: WritableLayer | null = null
  try {
    writable = openWritable(store, request, lowers)
    const plan = await checkLayers(planImage(store, request, lowers, writable, env))
    return await serve(plan, () => verify(lowers))
  } finally {
    writable?.end()
    use.end()
  }
}

function openWritable(
  store: Store,
  { image, writable }: ImageMount,
  lowers: readonly string[],
): WritableLayer | null {
  const [top] = lowers
  if (writable === null || top === undefined) return null
  return writable === ''
    ? store.writable.passing(image.id, top)
    : store.writable.named(writable, image.id, top)
}

/**
 * The mount of an image's layers, read-only until the writable layer, where there is one, is
 * attached. Pure; throws a MountError.
 */
export function planImage(
  store: Pick<Store, 'format'>,
  request: Omit<ImageMount, 'image' | 'writable'>,
  lowers: readonly string[],
  writable: Pick<WritableLayer, 'upper' | 'work'> | null,
  env: Readonly<Record<string, string | undefined>>,
): MountPlan {
  const parsed = parseOptions(request.options, 'refuse')
  parsed.lowerTexts = lowers.map(path => ({ option: 'lowerdir+', text: escape(path) }))
  parsed.upperText = writable === null ? null : escape(writable.upper)
  parsed.workText = writable === null ? null : escape(writable.work)
  parsed.userxattr = store.format === 'kernel-user'
  parsed.source ??= request.name
  const given = circumstances('verb', 'plyfs', env)
  const plan = planMount(
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
  if (writable === null) return plan
  return {
    ...plan,
    overlay: { ...plan.overlay, attachesUpper: true },
    device: { ...plan.device, flags: plan.device.flags | MS_RDONLY },
  }
}

/** A path as `lowerdir+=` and `upperdir=` take it. */
function escape(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&')
}
