// Ordinary users, and running system calls as one of them. The credentials change for the calling
// thread alone and always come back; nothing asynchronous may run under them.
import { errnoName } from '../../src/errno/errno.js'
import { native } from '../../src/sys/native.js'
import { note } from './trace.js'

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: readonly number[]
}

/** A group that alice and carol are in besides their own. */
export const TEAM = 3100

export const root: User = { name: 'root', uid: 0, gid: 0, groups: [] }
export const alice: User = { name: 'alice', uid: 3001, gid: 3001, groups: [TEAM] }
export const bob: User = { name: 'bob', uid: 3002, gid: 3002, groups: [] }
export const carol: User = { name: 'carol', uid: 3003, gid: 3003, groups: [3103, TEAM] }

/** Runs `action` with the effective ids, groups and (no) capabilities of `user`. */
export function as<T>(user: User, action: () => T): T {
  if (process.geteuid?.() !== 0) throw new Error('only root can act as others')
  note(`as ${user.name} (${user.uid}:${user.gid} ${user.groups.join(',')})`)
  const groups = process.getgroups?.() ?? []
  check('setgroups', native.setgroups(Uint32Array.from(user.groups)))
  check('setresgid', native.setresgid(-1, user.gid, -1))
  check('setresuid', native.setresuid(-1, user.uid, -1))
  try {
    return action()
  } finally {
    check('setresuid', native.setresuid(-1, 0, -1))
    check('setresgid', native.setresgid(-1, 0, -1))
    check('setgroups', native.setgroups(Uint32Array.from(groups)))
    note('as root')
  }
}

/** With root's ids, but without the capabilities named (numbers of linux/capability.h). */
export function withoutCapabilities<T>(dropped: readonly number[], action: () => T): T {
  const before = new Uint32Array(6)
  check('capget', native.capget(before))
  const sets = Uint32Array.from(before)
  for (const capability of dropped) {
    const at = capability < 32 ? 0 : 1
    sets[at] = (sets[at] ?? 0) & ~(1 << (capability % 32))
  }
  check('capset', native.capset(sets))
  note(`without capabilities ${dropped.join(', ')}`)
  try {
    return action()
  } finally {
    check('capset', native.capset(before))
    note('with all capabilities')
  }
}

function check(call: string, result: number): void {
  if (result < 0) throw new Error(`${call}: ${errnoName(result)}`)
}
