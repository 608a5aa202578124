// From a plan to a file system that can be served: the layers opened, the root made.
import type { Operations } from '../fuse/operations.js'
import { FdCache } from '../layer/fd-cache.js'
import { openStack } from '../overlay/open-stack.js'
import type { OverlayOptions } from '../overlay/options.js'
import { Overlay } from '../overlay/overlay.js'
import { admitRoot } from '../overlay/root.js'
import { type Stack, Union } from '../overlay/union.js'
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_STRICTATIME,
} from '../sys/constants.js'
import type { MountPlan } from './mount-plan.js'
import { VERSION } from './version.js'

export interface BuiltOverlay {
  readonly operations: Operations
  readonly options: OverlayOptions
}

/**
 * Opens everything; throws FsError. `seed` orders listings, `started` is called when the kernel
 * has been answered for the first time.
 */
export function buildOverlay(
  plan: MountPlan,
  seed: number,
  started: () => void,
): BuiltOverlay {
  const options = plan.overlay
  const stack = openStack(options, new FdCache(64), accessTimes(plan.device.flags))
  const union = new Union(options, stack, seed)
  admitRoot(union)
  const operations = new Overlay(union, VERSION, started, () => {
    closeStack(stack)
  })
  return { operations, options }
}

/** The mount's access-time rule, for the clone of the upper's mount that data is read through. */
function accessTimes(flags: number): number {
  if ((flags & MS_NOATIME) !== 0) return MOUNT_ATTR_NOATIME
  const directories = (flags & MS_NODIRATIME) !== 0 ? MOUNT_ATTR_NODIRATIME : 0
  return directories | ((flags & MS_STRICTATIME) !== 0 ? MOUNT_ATTR_STRICTATIME : 0)
}

function closeStack(stack: Stack): void {
  stack.upper?.close()
  for (const layer of [...stack.lowers, ...stack.dataLowers]) layer.close()
}
