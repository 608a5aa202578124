// A file replaced as a whole: whoever reads it sees the old or the new one, after a crash too.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { nodePath } from './store-place.js'

/**
 * Writes beside the file, brings it to the disk, renames it into place and brings the name to the
 * disk. Throws Node's error; the old file is then as it was.
 */
export function replaceFile(path: string, contents: Uint8Array | string): void {
  const temporary = temporaryOf(path)
  try {
    const fd = fs.openSync(nodePath(temporary), 'wx', 0o644)
    try {
      fs.writeFileSync(fd, contents)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(nodePath(temporary), nodePath(path))
  } catch (error) {
    fs.rmSync(nodePath(temporary), { force: true })
    throw error
  }
  syncFolder(folderOf(path))
}

/** The same for who has something else to do until the disk has it: other threads wait for that. */
export async function replaceFileAside(
  path: string,
  contents: Uint8Array | string,
): Promise<void> {
  await placeFileAside(path, contents)
  await syncFolderAside(folderOf(path))
}

/** But for the name, which `syncFolderAside` brings to the disk with others of its folder. */
export async function placeFileAside(
  path: string,
  contents: Uint8Array | string,
): Promise<void> {
  const temporary = temporaryOf(path)
  try {
    const fd = fs.openSync(nodePath(temporary), 'wx', 0o644)
    try {
      fs.writeFileSync(fd, contents)
      await fsync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(nodePath(temporary), nodePath(path))
  } catch (error) {
    fs.rmSync(nodePath(temporary), { force: true })
    throw error
  }
}

/** As `syncFolder`. */
export async function syncFolderAside(folder: string): Promise<void> {
  const fd = fs.openSync(nodePath(folder), 'r')
  try {
    await fsync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

const fsync = promisify(fs.fsync)

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** A name beside a file's that nobody else has: process numbers are given again, or elsewhere. */
export function temporaryOf(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}`
}

/** Brings a folder's names to the disk. */
export function syncFolder(folder: string): void {
  const fd = fs.openSync(nodePath(folder), 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** The file's bytes, null when there is none. */
export function readIfThere(path: string): Buffer | null {
  try {
    return fs.readFileSync(nodePath(path))
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** ENOENT, or ENOTDIR for a path through something that is no folder. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR')
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.includes(error.code)
  )
}
