// Files between a container and the host, by the rules of docker's `cp`: what is copied where depends
// on what is there, and on a `/` or `/.` behind a path.
import type { ByteSource } from '../bytes/byte-source.js'
import { FsError } from '../errno/fs-error.js'
import { archiveOf } from '../image/copy/archive-tree.js'
import { extractInto, type Place } from '../image/copy/extract-tree.js'
import {
  assertsDirectory,
  baseOf,
  HOST,
  locate,
  type Located,
  type Tree,
  treeBelow,
} from '../image/copy/locate.js'
import { ImageError } from '../image/model/errors.js'
import { plainArchive } from '../image/copy/plain-archive.js'
import { close } from '../sys/file.js'
import { isDirectory } from '../sys/stat.js'
import { ContainerError } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { withRoot } from './open-root.js'
import { bytesOfText } from './record.js'

export interface CopyOptions {
  /** What a link as the source leads to is meant, not the link. */
  readonly followLink: boolean
  /** Owners stay, as numbers; else all becomes root's, or the caller's on the host. */
  readonly owners: boolean
}

const ROOT = { uid: 0, gid: 0 }

/** A path in a container leads from its root, with a slash at its beginning or without. */
function inContainer(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

/** To a path of the host's. Throws a ContainerError; what was copied before stays. */
export function copyOut(
  containers: Containers,
  container: Container,
  source: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  return explained(() =>
    withRoot(containers, container, root =>
      withSource(treeBelow(root), inContainer(source), options.followLink, found =>
        copy(found, HOST, target, options.owners ? null : owner),
      ),
    ),
  )
}

/**
 * As a tar, in which it has the last name of its path.
 * @param take reads all of it.
 */
export function streamOut(
  containers: Containers,
  container: Container,
  source: string,
  options: CopyOptions,
  take: (bytes: ByteSource) => Promise<void>,
): Promise<void> {
  return explained(() =>
    withRoot(containers, container, root =>
      withSource(treeBelow(root), inContainer(source), options.followLink, found =>
        take(archiveOf(found.parent, found.name, found.base)),
      ),
    ),
  )
}

/** From a path of the host's. Throws a ContainerError; what was copied before stays. */
export function copyIn(
  containers: Containers,
  container: Container,
  source: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const owner = options.owners ? null : ROOT
  return explained(() =>
    withSource(HOST, source, options.followLink, found =>
      withRoot(containers, container, root =>
        copy(found, treeBelow(root), inContainer(target), owner),
      ),
    ),
  )
}

/** From a tar, compressed or not, into a directory that is there. */
export function streamIn(
  containers: Containers,
  container: Container,
  bytes: ByteSource,
  target: string,
  options: CopyOptions,
): Promise<void> {
  return explained(() =>
    withRoot(containers, container, async root => {
      const tree = treeBelow(root)
      const at = locate(tree, inContainer(target), true)
      close(at.parent)
      if (at.record === null || !isDirectory(at.record))
        throw new ContainerError(`${target}: the destination of a tar is a directory`)
      const owner = options.owners ? null : ROOT
      await extractInto(await plainArchive(bytes), { tree, folder: pathOf(at), owner })
    }),
  )
}

/** What is copied. */
interface Found extends Located {
  /** What a copy of it is called; '.' where the content of a directory is meant. */
  readonly base: string
  readonly isDirectory: boolean
}

async function withSource<Result>(
  tree: Tree,
  path: string,
  followLink: boolean,
  work: (found: Found) => Promise<Result>,
): Promise<Result> {
  const asserted = assertsDirectory(path)
  const at = locate(tree, path, followLink || asserted)
  try {
    if (at.record === null) throw new ContainerError(`${path}: no such file or directory`)
    const directory = isDirectory(at.record)
    if (asserted && !directory) throw new ContainerError(`${path} is not a directory`)
    return await work({ ...at, base: baseOf(path), isDirectory: directory })
  } finally {
    close(at.parent)
  }
}

async function copy(
  found: Found,
  tree: Tree,
  target: string,
  owner: Place['owner'],
): Promise<void> {
  const at = locate(tree, target, true)
  close(at.parent)
  const { folder, as } = placeOf(found, at, target)
  await extractInto(archiveOf(found.parent, found.name, as), { tree, folder, owner })
}

/** Into which directory, and as what (docker cp: SRC_PATH and DEST_PATH). */
function placeOf(
  found: Found,
  at: Located,
  target: string,
): { folder: string; as: string } {
  const isThere = at.record !== null
  if (at.record !== null && isDirectory(at.record))
    return { folder: pathOf(at), as: found.base }
  if (isThere && found.isDirectory)
    throw new ContainerError(`cannot copy a directory to ${target}, which is none`)
  if (isThere && assertsDirectory(target))
    throw new ContainerError(`${target} is not a directory`)
  if (!isThere && !found.isDirectory && assertsDirectory(target))
    throw new ContainerError(`${target}: the directory to copy into has to be there`)
  return { folder: at.folder, as: at.name }
}

function pathOf({ folder, name }: Located): string {
  return name === '.' ? folder : `${folder}/${name}`
}

/** Errors of every layer below as ones for people. */
async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof ImageError) throw new ContainerError(bytesOfText(error.message))
    if (error instanceof FsError) throw new ContainerError(error.message)
    throw error
  }
}
