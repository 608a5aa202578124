// A user and mount namespace in which root is an ordinary user outside, as rootless containers
// have it. It lives as long as the test; commands enter it through nsenter.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { openFuseToUsers } from './mounted.js'

/** Ids inside are these plus the id; 65536 of them. */
export const FIRST_ID = 100_000

export interface UserNamespace {
  /** What a command is prefixed with to run inside, as root there. */
  readonly enter: readonly string[]
  /** The process that holds it. */
  readonly pid: number
}

export async function makeUserNamespace(): Promise<UserNamespace> {
  await openFuseToUsers()
  const holder = spawn(
    'unshare',
    ['--user', '--mount', 'sh', '-c', 'echo made; exec sleep infinity'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('exit', () => reject(new Error('no user namespace')))
  })
  holder.stdout.destroy()
  holder.unref()
  const pid = holder.pid ?? 0
  for (const map of ['uid_map', 'gid_map']) {
    fs.writeFileSync(`/proc/${pid}/${map}`, `0 ${FIRST_ID} 65536\n`)
  }
  const enter = ['nsenter', '--target', String(pid), '--user', '--mount']
  return { enter: [...enter, '--setuid', '0', '--setgid', '0', '--'], pid }
}
