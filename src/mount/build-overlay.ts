// From a plan to a file system that can be served: the layers opened, the root made.
import type { Operations } from '../fuse/operations.js'
import { FdCache } from '../layer/fd-cache.js'
import { attachUpper } from '../overlay/attach-upper.js'
import { openStack } from '../overlay/open-stack.js'
import type { OverlayOptions } from '../overlay/options.js'
import { Overlay } from '../overlay/overlay.js'
import { admitRoot } from '../overlay/root.js'
import { SpanFetcher, type SpanJob } from '../overlay/span-fetcher.js'
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
  /** Joins the upper of a plan that has it attached later. Throws FsError. */
  readonly attach: () => void
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
  const fds = new FdCache(64)
  const opened = openStack(options, fds, accessTimes(plan.device.flags))
  const tree =
    plan.tree === null
      ? null
      : openMergedTree(plan.tree, plan.treeBytes, options, opened.stack)
  const union = new Union(options, opened.stack, seed, tree, plan.share)
  if (options.archive !== null) union.spans = new SpanFetcher(decode)
  admitRoot(union)
  const close = (): void => {
    fds.shrink()
    opened.close()
  }
  const operations = new Overlay(union, VERSION, started, close)
  const attach = (): void => {
    if (opened.withUpper !== null) attachUpper(union, opened.withUpper())
  }
  return { operations, options, attach }
}

/** The mount's access-time rule, for the clone of the upper's mount that data is read through. */
function accessTimes(flags: number): number {
  if ((flags & MS_NOATIME) !== 0) return MOUNT_ATTR_NOATIME
  const directories = (flags & MS_NODIRATIME) !== 0 ? MOUNT_ATTR_NODIRATIME : 0
  return directories | ((flags & MS_STRICTATIME) !== 0 ? MOUNT_ATTR_STRICTATIME : 0)
}
