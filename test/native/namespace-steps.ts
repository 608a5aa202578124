// What namespace.test.ts does on a thread of its own.
import * as fs from 'node:fs'
import { CLONE_FS, CLONE_NEWNS, O_RDONLY } from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'
import { setns, unshare } from '../../src/sys/namespace.js'
import { outcome, succeed } from './place.js'

const mine = (): string => fs.readlinkSync('/proc/thread-self/ns/mnt')

/** Into a mount namespace of its own and back. */
export function moving(): unknown {
  const first = mine()
  const home = succeed(openat2(-100, '/proc/thread-self/ns/mnt', O_RDONLY, 0, 0))
  const shared = outcome(setns(home, CLONE_NEWNS))
  const results = [unshare(CLONE_FS), unshare(CLONE_NEWNS)]
  const second = mine()
  results.push(setns(home, CLONE_NEWNS))
  close(home)
  return { first, shared, results, second, third: mine() }
}
