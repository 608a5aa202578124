// `plyfs mount IMAGE DIR`: the root filesystem of an image of the store.
import { openVerification } from '../../image/verify.js'
import { mountImage } from '../../mount/mount-image.js'
import type { ImageMountCommand } from '../mount-verb.js'
import { showProgress } from '../progress.js'
import { openStore } from './store-session.js'

/** Returns the exit status, after the unmount. Throws an ImageError or a MountError. */
export async function mountNamed(
  command: ImageMountCommand,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const store = await openStore(command.root === null ? {} : { root: command.root })
  const image = store.resolve(command.image)
  const progress = showProgress(true)
  // What is not unpacked, or not recorded, is before the check is opened.
  await store.unpacked(image, progress)
  const verify = openVerification(store, image, command.verify)
  return mountImage(
    store,
    {
      image,
      name: command.image,
      mountPoint: absolute(command.mountPoint),
      options: command.options,
      writable: command.writable,
      foreground: command.foreground,
      debug: command.debug,
    },
    env,
    progress,
    verify,
  )
}

function absolute(path: string): string {
  const cwd = Buffer.from(process.cwd(), 'utf8').toString('latin1')
  return path.startsWith('/') ? path : `${cwd}/${path}`
}
