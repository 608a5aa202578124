// What a plan depends on besides the options: how the command was called and what the process may
// do. Gathered once, so that planning itself is pure.
import { readFileSync } from 'node:fs'
import { capget } from '../sys/credentials.js'
import { AT_FDCWD, CAP_SYS_ADMIN } from '../sys/constants.js'
import { readlinkat, statx } from '../sys/inode.js'
import { statRecords } from '../sys/stat.js'
import { FsError } from '../errno/fs-error.js'
import type { Form } from './mount-plan.js'

export interface Circumstances {
  readonly form: Form
  /** What the mount's type is called: `plyfs`, or `fuse-overlayfs` where we were called so. */
  readonly program: 'plyfs' | 'fuse-overlayfs'
  /** The working directory, absolute bytes. */
  readonly cwd: string
  readonly uid: number
  readonly gid: number
  /** CAP_SYS_ADMIN in our own user namespace: mount(2) is ours to call. */
  readonly mayMount: boolean
  /** CAP_SYS_ADMIN in the first user namespace: `trusted.` attributes are ours to read and write. */
  readonly mayTrusted: boolean
  readonly selinux: boolean
  /** FUSE_OVERLAYFS_NO_PASSTHROUGH is set. */
  readonly passthroughForbidden: boolean
  /** FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT is set: no 0/0 devices as whiteouts. */
  readonly deviceWhiteoutsForbidden: boolean
}

/** Looks at the process; the caller says how it was called, and from where. */
export function circumstances(
  form: Form,
  program: Circumstances['program'],
  env: Readonly<Record<string, string | undefined>>,
  cwd = workingDirectory(),
): Circumstances {
  const mayMount = hasSysAdmin()
  return {
    form,
    program,
    cwd,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    mayMount,
    mayTrusted: mayMount && isFirstUserNamespace(),
    selinux: statx(AT_FDCWD, '/sys/fs/selinux/enforce', 0, statRecords(1), 0) === 0,
    passthroughForbidden: env['FUSE_OVERLAYFS_NO_PASSTHROUGH'] !== undefined,
    deviceWhiteoutsForbidden: env['FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT'] !== undefined,
  }
}

function hasSysAdmin(): boolean {
  const sets = new Uint32Array(6)
  if (capget(sets) < 0) return false
  return ((sets[0] ?? 0) & (1 << CAP_SYS_ADMIN)) !== 0
}

/** The first user namespace maps every id to itself; others may not (user_namespaces(7)). */
function isFirstUserNamespace(): boolean {
  const map = readFileSync('/proc/self/uid_map', 'latin1').trim().split(/\s+/)
  return map.join(' ') === '0 0 4294967295'
}

/** The process's working directory, absolute bytes. */
export function workingDirectory(): string {
  const buffer = Buffer.alloc(4096)
  const length = readlinkat(AT_FDCWD, '/proc/self/cwd', buffer, 0)
  if (length < 0) throw new FsError(length, 'readlinkat', '/proc/self/cwd')
  return buffer.toString('latin1', 0, length)
}
