// What a driver has to do for `plyfs mount --driver=NAME IMAGE DIR`. The order of things (read-only
// mount, check, writable layer, wait, clean-up) is mount-by-driver.ts's, and the same for all. A
// driver makes mounts that have no place yet, as open_tree(2) and fsmount(2) give them: whoever
// closes such a descriptor has ended the mount, so that nothing is left of one that failed.
import type { Progress } from '../../image/progress.js'
import type { Digest } from '../../image/model/digest.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import type { LayerMaker } from '../../image/store/writable.js'
import type { VerifyMode } from '../../image/verify.js'
import type { MountRequest } from '../mount-request.js'

export interface DriverContext {
  readonly store: Store
  readonly image: ImageRecord
  /** Chain ids of the image's layers, base first. */
  readonly chain: readonly Digest[]
  /** Their folders, topmost first. */
  readonly lowers: readonly string[]
  /** The generic options of the mount; a driver may know more of them. */
  readonly request: MountRequest
  /** What the mount table is to show as the source, where it can be told. */
  readonly source: string
  readonly verify: VerifyMode
  readonly progress: Progress
}

export interface Driver {
  /** Whether what it mounts is a filesystem of its own, or a part of the store's. */
  readonly isFilesystem: boolean
  /** Makes what is mounted where it is not there yet. Throws; nothing is left then. */
  prepare(): Promise<void>
  /** The image without a writable layer, the mount itself not yet read-only: a descriptor. */
  openImage(): number
  /** Compares what is mounted with what was recorded. Throws an ImageError. */
  verify(mount: number): Promise<void>
  /** How a writable layer of this driver's is made. */
  readonly layers: LayerMaker
  /** The image with a writable layer, by its folder: a descriptor. */
  openWritable(folder: string): number
}

/** Words of `--driver`. `devicemapper` is another name of `block`. */
export const DRIVER_NAMES = [
  'plyfs',
  'overlay2',
  'aufs',
  'vfs',
  'btrfs',
  'block',
] as const
export type DriverName = (typeof DRIVER_NAMES)[number]

/** The driver of a word; null for none. */
export function driverNamed(word: string): DriverName | null {
  const name = word === 'devicemapper' ? 'block' : word
  return DRIVER_NAMES.find(known => known === name) ?? null
}
