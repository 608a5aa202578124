// The drivers that mount by one of the kernel's filesystems, by name.
import type { Store } from '../../image/store/store.js'
import { MountError } from '../mount-error.js'
import { Block } from './block.js'
import { Btrfs } from './btrfs.js'
import type { Driver, DriverContext, DriverName } from './driver.js'
import { Overlay2 } from './overlay2.js'
import { Vfs } from './vfs.js'

/** The others are served by plyfs itself. */
export type KernelDriver = Exclude<DriverName, ServedDriver>
type ServedDriver = 'plyfs' | 'aufs'

/** Whether what a driver shows is served by a process of plyfs's. */
export function isServed(name: DriverName): name is ServedDriver {
  return name === 'plyfs' || name === 'aufs'
}

/** Throws a MountError where the store is none for it. */
export function makeDriver(name: KernelDriver, context: DriverContext): Driver {
  refuseOwnersInAttributes(name, context.store)
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

/** Owners of a store that was made without privilege are no kernel's to read. */
function refuseOwnersInAttributes(name: KernelDriver, store: Store): void {
  if (store.format === 'kernel-trusted') return
  throw new MountError(
    `--driver=${name}: the store ${store.place.root} was made without privilege and keeps owners in attributes`,
    'use --driver=plyfs, or a store of root',
  )
}
