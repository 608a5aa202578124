// Whether a command that was handed over is about the store that the daemon has.
import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { type CommandCall, declined } from '../daemon/commands.js'
import { nodePath } from '../image/store/store-place.js'
import { defaultRoot } from '../image/store/store-root.js'
import type { Store } from '../image/store/store.js'

/** Throws `declined` for another one. @param asked the value of `--root`. */
export function mustBeStoreOf(
  store: Store,
  asked: string | undefined,
  { env, cwd }: CommandCall,
): void {
  const root = asked ?? defaultRoot(process.geteuid?.(), env, env['HOME'] ?? homedir())
  const path = root.startsWith('/') ? root : `${cwd}/${root}`
  const [one, other] = [path, store.place.root].map(folder =>
    fs.statSync(nodePath(folder), { bigint: true, throwIfNoEntry: false }),
  )
  if (one === undefined || one.ino !== other?.ino || one.dev !== other.dev)
    throw declined('it is about another store')
}
