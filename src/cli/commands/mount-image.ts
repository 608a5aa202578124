// `plyfs mount IMAGE DIR`: the root filesystem of an image of the store, or of one in an archive.
import * as fs from 'node:fs'
import { absolutePath } from '../../bytes/absolute-path.js'
import type { ArchiveName } from '../../image/archives/open-archive.js'
import { openArchive } from '../../image/archives/open-archive.js'
import { verifyArchive } from '../../image/archives/verify-archive.js'
import { ImageError } from '../../image/model/errors.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import { nodePath } from '../../image/store/store-place.js'
import type { Store } from '../../image/store/store.js'
import { openVerification } from '../../image/verify.js'
import { mountByDriver } from '../../mount/drivers/mount-by-driver.js'
import { mountArchive, mountImage, type RootMount } from '../../mount/mount-image.js'
import { archiveNamed } from '../archive-name.js'
import type { ImageMountCommand } from '../mount-verb.js'
import { showProgress } from '../progress.js'
import { openStore } from './store-session.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Returns the exit status, after the unmount. Throws an ImageError or a MountError. */
export async function mountNamed(
  command: ImageMountCommand,
  env: Environment,
): Promise<number> {
  const store = await openStore(command.root === null ? {} : { root: command.root })
  const named = archiveNamed(command.image, path => fs.existsSync(nodePath(path)))
  if (named !== null) return mountArchived(store, named, command, env)
  let image: ImageRecord
  try {
    image = store.resolve(command.image)
  } catch (error) {
    const isUnknown = error instanceof ImageError && error.code !== 'store'
    if (!isUnknown || !fs.existsSync(nodePath(command.image))) throw error
    // What no image is called may be a file.
    const file: ArchiveName = { kind: 'any', path: command.image, ref: null }
    return mountArchived(store, file, command, env)
  }
  const progress = showProgress(true)
  // What is not unpacked, or not recorded, is before the check is opened.
  await store.unpacked(image, progress)
  const { driver } = command
  const mount = { ...rootMount(command), image }
  if (driver !== 'plyfs' && driver !== 'aufs')
    return mountByDriver(driver, store, mount, command.verify, progress)
  const verify = openVerification(store, image, command.verify)
  return mountImage(store, mount, env, progress, verify)
}

async function mountArchived(
  store: Store,
  name: ArchiveName,
  command: ImageMountCommand,
  env: Environment,
): Promise<number> {
  const { driver } = command
  if (driver !== 'plyfs' && driver !== 'aufs')
    throw new ImageError(
      'invalid',
      `--driver=${driver}: layers in an archive are shown by plyfs alone; load it first`,
    )
  const archive = await openArchive(
    store.place,
    { ...name, path: absolutePath(name.path) },
    showProgress(true),
  )
  const verify =
    command.verify === 'full'
      ? () => verifyArchive(archive)
      : (): Promise<void> => Promise.resolve()
  return mountArchive(store, archive, rootMount(command), env, verify)
}

function rootMount(command: ImageMountCommand): RootMount {
  const { image, mountPoint, options, writable, foreground, debug, driver } = command
  return {
    name: image,
    mountPoint: absolutePath(mountPoint),
    options,
    writable,
    foreground,
    debug,
    aufs: driver === 'aufs',
  }
}
