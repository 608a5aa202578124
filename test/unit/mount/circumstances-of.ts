// Circumstances for tests of planning, without a look at the process.
import type { Circumstances } from '../../../src/mount/circumstances.js'

/** Root, called with a verb, unless told otherwise. */
export function given(changes: Partial<Circumstances> = {}): Circumstances {
  return {
    form: 'verb',
    program: 'plyfs',
    cwd: '/cwd',
    uid: 0,
    gid: 0,
    mayMount: true,
    mayTrusted: true,
    selinux: false,
    passthroughForbidden: false,
    deviceWhiteoutsForbidden: false,
    ...changes,
  }
}

/** Root, called as fuse-overlayfs. */
export function dropIn(changes: Partial<Circumstances> = {}): Circumstances {
  return given({ form: 'drop-in', program: 'fuse-overlayfs', ...changes })
}

/** Somebody without rights. */
export const ordinary = {
  uid: 1000,
  gid: 1000,
  mayMount: false,
  mayTrusted: false,
} as const
