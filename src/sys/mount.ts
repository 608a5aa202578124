// The mount calls, old and new. They act in the mount namespace of the calling thread.
import { native } from './native.js'

/** mount(2). */
export const mount = native.mount

/** umount2(2). */
export const umount2 = native.umount2

/** open_tree(2), close-on-exec. */
export const open_tree = native.open_tree

/** mount_setattr(2); 0 for a `usernsFd` that is not used. */
export const mount_setattr = native.mount_setattr

/** move_mount(2). */
export const move_mount = native.move_mount

/** fsopen(2), close-on-exec. */
export const fsopen = native.fsopen

/** fsconfig(2). */
export const fsconfig = native.fsconfig

/** fsmount(2), close-on-exec. */
export const fsmount = native.fsmount
