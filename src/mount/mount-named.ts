// The root filesystem of an image of the store, or of one in an archive, mounted by what it is called.
import * as fs from 'node:fs'
import { archiveNamed } from '../image/archives/archive-name.js'
import type { ArchiveName } from '../image/archives/open-archive.js'
import { openArchive } from '../image/archives/open-archive.js'
import { verifyArchive } from '../image/archives/verify-archive.js'
import { ImageError } from '../image/model/errors.js'
import type { Progress } from '../image/progress.js'
import type { ImageRecord } from '../image/store/image-record.js'
import { nodePath } from '../image/store/store-place.js'
import type { Store } from '../image/store/store.js'
import { openVerification, type VerifyMode } from '../image/verify.js'
import type { DriverName } from './drivers/driver.js'
import { mountByDriver } from './drivers/mount-by-driver.js'
import { mountArchive, mountImage, type RootMount } from './mount-image.js'
import type { Serve } from './serve.js'

/** A mount of an image by its name. All text is bytes. */
export interface NamedMount {
  readonly image: string
  readonly mountPoint: string
  readonly options: readonly string[]
  /** null: read-only; '' a writable layer that goes with the mount; else its name. */
  readonly writable: string | null
  readonly verify: VerifyMode
  readonly driver: DriverName
  readonly foreground: boolean
  readonly debug: boolean
}

/** For whom a mount is made, and how it is served. */
export interface MountContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths are relative to: absolute bytes. */
  readonly cwd: string
  readonly progress: Progress
  readonly serve: Serve
}

/** Returns the exit status, after the unmount. Throws an ImageError or a MountError. */
export async function mountNamed(
  store: Store,
  request: NamedMount,
  context: MountContext,
): Promise<number> {
  const named = archiveNamed(request.image, path =>
    fs.existsSync(nodePath(absolute(path, context))),
  )
  if (named !== null) return mountArchived(store, named, request, context)
  let image: ImageRecord
  try {
    image = store.resolve(request.image)
  } catch (error) {
    const isUnknown = error instanceof ImageError && error.code !== 'store'
    const path = nodePath(absolute(request.image, context))
    if (!isUnknown || !fs.existsSync(path)) throw error
    // What no image is called may be a file.
    const file: ArchiveName = { kind: 'any', path: request.image, ref: null }
    return mountArchived(store, file, request, context)
  }
  const { env, progress, serve } = context
  // What is not unpacked, or not recorded, is before the check is opened.
  await store.unpacked(image, progress)
  const { driver } = request
  const mount = { ...rootMount(request, context), image }
  if (driver !== 'plyfs' && driver !== 'aufs')
    return mountByDriver(driver, store, mount, request.verify, progress)
  const check = openVerification(store, image, request.verify)
  try {
    return await mountImage(store, mount, env, progress, () => check.run(), serve)
  } finally {
    check.close()
  }
}

async function mountArchived(
  store: Store,
  name: ArchiveName,
  request: NamedMount,
  context: MountContext,
): Promise<number> {
  const { driver } = request
  const { env, progress, serve } = context
  if (driver !== 'plyfs' && driver !== 'aufs')
    throw new ImageError(
      'invalid',
      `--driver=${driver}: layers in an archive are shown by plyfs alone; load it first`,
    )
  const archive = await openArchive(
    store.place,
    { ...name, path: absolute(name.path, context) },
    progress,
  )
  const verify =
    request.verify === 'full'
      ? () => verifyArchive(archive)
      : (): Promise<void> => Promise.resolve()
  try {
    const mount = rootMount(request, context)
    return await mountArchive(store, archive, mount, env, verify, serve)
  } finally {
    archive.close()
  }
}

function rootMount(request: NamedMount, context: MountContext): RootMount {
  const { image, mountPoint, options, writable, foreground, debug, driver } = request
  return {
    name: image,
    mountPoint: absolute(mountPoint, context),
    options,
    writable,
    foreground,
    debug,
    aufs: driver === 'aufs',
  }
}

function absolute(path: string, { cwd }: MountContext): string {
  return path.startsWith('/') ? path : `${cwd === '/' ? '' : cwd}/${path}`
}
