// `plyfs mount IMAGE DIR`: the root filesystem of an image of the store, or of one in an archive.
import { workingDirectory } from '../../mount/circumstances.js'
import { mountNamed } from '../../mount/mount-named.js'
import { serve } from '../../mount/serve.js'
import type { ImageMountCommand } from '../mount-verb.js'
import { showProgress } from '../progress.js'
import { openStore } from './store-session.js'

/** Returns the exit status, after the unmount. Throws an ImageError or a MountError. */
export async function mountImageNamed(
  command: ImageMountCommand,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const store = await openStore(command.root === null ? {} : { root: command.root })
  const progress = showProgress(true)
  return mountNamed(store, command, { env, cwd: workingDirectory(), progress, serve })
}
