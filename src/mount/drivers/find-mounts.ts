// Which mounts of the mount table the drivers have made, and of what: told by the files of a store
// that they stand on, since a bind mount or a loop device carries no name of ours.
import * as fs from 'node:fs'
import { hasCode } from '../../image/store/replace-file.js'
import { nodePath, thingAt } from '../../image/store/store-place.js'
import { resolveMountPoint } from '../check-layers.js'
import { topmostMount } from '../fuse-mount.js'
import { type MountEntry, readMountinfo } from '../mountinfo.js'

/** What a mount stands on: a writable layer, or an image alone. */
export interface DriverMount {
  /** Of the store; latin1 bytes. */
  readonly root: string
  /** The name of the writable layer's folder; null for none. */
  readonly writable: string | null
}

/** What a mount of a driver's stands on; null for any other mount. */
export function driverMount(
  entry: MountEntry,
  entries: readonly MountEntry[] = readMountinfo(),
): DriverMount | null {
  const things = pathsOf(entry, entries)
    .flatMap(path => thingAt(path) ?? [])
    .filter(({ isBelow }) => !isBelow)
  const written = things.find(({ kind }) => kind === 'writable')
  if (written?.kind === 'writable') return { root: written.root, writable: written.name }
  const [image] = things
  return image === undefined ? null : { root: image.root, writable: null }
}

/** The driver's mount that is the topmost at a path; null where there is another, or none. */
export function driverMountAt(path: string): DriverMount | null {
  const entries = readMountinfo()
  const entry = topmostMount(entries, resolveMountPoint(path))
  return entry === undefined ? null : driverMount(entry, entries)
}

/** The loop device that has a file, `/dev/loopN`; null for none. Throws Node's error. */
export function loopDeviceOf(path: string): string | null {
  const file = fs.realpathSync(nodePath(path), 'buffer').toString('latin1')
  const name = fs
    .readdirSync('/sys/block', 'latin1')
    .find(one => /^loop\d+$/.test(one) && backingFile(one) === file)
  return name === undefined ? null : `/dev/${name}`
}

/** The absolute paths that a mount shows or is made of. */
function pathsOf(entry: MountEntry, entries: readonly MountEntry[]): string[] {
  const [, loop] = /^\/dev\/(loop\d+)$/.exec(entry.source) ?? []
  if (loop !== undefined && entry.type === 'ext4' && entry.root === '/')
    return [backingFile(loop) ?? '']
  if (entry.type === 'overlay')
    return entry.superOptions.flatMap(
      option => /^(?:upperdir|lowerdir\+?)=(.*)$/.exec(option)?.[1]?.split(':') ?? [],
    )
  return entries
    .filter(other => other.device === entry.device && other !== entry)
    .flatMap(other => pathThrough(other, entry.root))
}

/** Where another mount of the same filesystem has a folder of it. */
function pathThrough({ root, mountPoint }: MountEntry, folder: string): string[] {
  const above = root === '/' ? '' : root
  if (folder !== above && !folder.startsWith(`${above}/`)) return []
  return [(mountPoint === '/' ? '' : mountPoint) + folder.slice(above.length)]
}

function backingFile(loop: string): string | null {
  try {
    return fs.readFileSync(`/sys/block/${loop}/loop/backing_file`, 'latin1').trimEnd()
  } catch (error) {
    // Not in use, or not any more.
    if (hasCode(error, 'ENOENT', 'ENXIO', 'ENODEV')) return null
    throw error
  }
}
