// Mounts and serves, in each of the forms that ask for it. All that is ever needed is loaded before
// the mount: its mount point may hold this program.
import type { Worker } from 'node:worker_threads'
import { openMount, type MountCommand } from '../../mount/open-mount.js'
import { serveOn } from '../../mount/serve.js'
import { printError } from '../output.js'

/**
 * Returns the exit status: after the unmount, or at once where there is nothing to serve.
 * @param thread is to serve; it waits for its plan.
 * @param fake do everything but the mount itself.
 */
export async function mount(
  command: MountCommand,
  thread: Worker,
  env: Readonly<Record<string, string | undefined>>,
  fake = false,
): Promise<number> {
  const plan = await openMount(command, env, printError)
  return plan === null || fake
    ? 0
    : await serveOn(thread, () => import('../../mount/serve-fuse-native.js'))(plan)
}
