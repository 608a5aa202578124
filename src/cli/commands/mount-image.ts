// `plyfs mount IMAGE DIR`: the root filesystem of an image of the store, or of one in an archive.
import type { Worker } from 'node:worker_threads'
import { workingDirectory } from '../../mount/circumstances.js'
import { mountNamed } from '../../mount/mount-named.js'
import { serveOn } from '../../mount/serve.js'
import type { ImageMountCommand } from '../mount-verb.js'
import { showProgress } from '../progress.js'
import { openStore } from './store-session.js'

/**
 * Returns the exit status, after the unmount. Throws an ImageError or a MountError.
 * @param thread is to serve; it waits for its plan.
 */
export async function mountImageNamed(
  command: ImageMountCommand,
  thread: Worker,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const store = await openStore(command.root === null ? {} : { root: command.root })
  const progress = showProgress(true)
  const serve = serveOn(thread, () => import('../../mount/serve-fuse-native.js'))
  // The kernel serves the mounts of the others.
  if (command.driver !== 'plyfs' && command.driver !== 'aufs') await thread.terminate()
  return mountNamed(store, command, { env, cwd: workingDirectory(), progress, serve })
}
