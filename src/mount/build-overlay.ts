// From a plan to a file system that can be served: the layers opened, the root made.
import type { FsError } from '../errno/fs-error.js'
import type { Operations } from '../fuse/operations.js'
import { FdCache } from '../layer/fd-cache.js'
import { attachUpper } from '../overlay/attach-upper.js'
import { type OpenedStack, openStack } from '../overlay/open-stack.js'
import type { OverlayOptions } from '../overlay/options.js'
import { Overlay } from '../overlay/overlay.js'
import { admitRoot } from '../overlay/root.js'
import { SpanFetcher, type SpanJob } from '../overlay/span-fetcher.js'
import { StaleBinding } from '../overlay/stale-binding.js'
import { Union } from '../overlay/union.js'
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_STRICTATIME,
} from '../sys/constants.js'
import type { MountPlan } from './mount-plan.js'
import { openMergedTree } from './merged-tree.js'
import { VERSION } from './version.js'

export interface BuiltOverlay {
  readonly operations: Operations
  readonly options: OverlayOptions
  /**
   * Joins the upper of a plan that has it attached later, and calls `done` when no user of the mount
   * is shown anything older. Throws FsError.
   */
  readonly attach: (done: () => void) => void
}

/** What to tell the person who asked for a mount that could not be built. */
export function refusalOf(error: FsError): {
  readonly cause: string
  readonly remedy: string
} {
  const remedy =
    error instanceof StaleBinding
      ? error.remedy
      : 'see that the layers exist and may be read, and that the work directory may be written'
  return { cause: error.message, remedy }
}

/**
 * Opens everything; throws FsError. `seed` orders listings where the plan brings no tree, `started`
 * is called when the kernel has been answered for the first time, `decode` has a part of a compressed
 * archive decoded by another thread.
 */
export function buildOverlay(
  plan: MountPlan,
  seed: number,
  started: () => void,
  decode: (job: SpanJob) => void,
): BuiltOverlay {
  const options = plan.overlay
  const opened = openStack(options, new FdCache(64), accessTimes(plan.device.flags))
  const union = unite(plan, opened, seed, decode)
  const operations = new Overlay(union, VERSION, started, opened.close)
  const attach = (done: () => void): void => {
    if (opened.withUpper !== null) attachUpper(union, opened.withUpper(), done)
  }
  return { operations, options, attach }
}

/** The union of what is open; when it throws, that is closed. */
function unite(
  { overlay, tree: file, treeBytes, share }: MountPlan,
  opened: OpenedStack,
  seed: number,
  decode: (job: SpanJob) => void,
): Union {
  try {
    const tree =
      file === null ? null : openMergedTree(file, treeBytes, overlay, opened.stack)
    const union = new Union(overlay, opened.stack, seed, tree, share)
    if (overlay.archive !== null) union.spans = new SpanFetcher(decode)
    admitRoot(union)
    return union
  } catch (error) {
    opened.close()
    throw error
  }
}

/** The mount's access-time rule, for the clone of the upper's mount that data is read through. */
function accessTimes(flags: number): number {
  if ((flags & MS_NOATIME) !== 0) return MOUNT_ATTR_NOATIME
  const directories = (flags & MS_NODIRATIME) !== 0 ? MOUNT_ATTR_NODIRATIME : 0
  return directories | ((flags & MS_STRICTATIME) !== 0 ? MOUNT_ATTR_STRICTATIME : 0)
}
