// Trees of files written down as data: made on disk through plain system calls, read back, and
// compared. Names are one character a byte. It knows nothing of layers.
import { createHash } from 'node:crypto'
import * as calls from './calls.js'
import { C } from './calls.js'

interface Attributes {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Nanoseconds since 1970. */
  readonly mtime?: bigint
  readonly atime?: bigint
  readonly xattrs?: Readonly<Record<string, string>>
}

export type Entry =
  | (Attributes & {
      readonly type: 'file'
      readonly data: string
      readonly size?: number
    })
  | (Attributes & { readonly type: 'directory'; readonly entries: Tree })
  | (Attributes & { readonly type: 'symlink'; readonly target: string })
  | (Attributes & { readonly type: 'fifo' | 'socket' })
  | (Attributes & {
      readonly type: 'character' | 'block'
      readonly major: number
      readonly minor: number
    })
  /** Another name of `of`, a path from the tree's top. */
  | { readonly type: 'hardlink'; readonly of: string }

// An alias of Record could not mention itself.
// eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style
export interface Tree {
  readonly [name: string]: Entry
}

/** A regular file, mode 0644 unless told. */
export function file(data = '', more: Attributes & { size?: number } = {}): Entry {
  return { type: 'file', data, ...more }
}

/** A directory, mode 0755 unless told. */
export function dir(entries: Tree = {}, more: Attributes = {}): Entry {
  return { type: 'directory', entries, ...more }
}

export function symlink(target: string, more: Attributes = {}): Entry {
  return { type: 'symlink', target, ...more }
}

export function fifo(more: Attributes = {}): Entry {
  return { type: 'fifo', ...more }
}

export function socket(more: Attributes = {}): Entry {
  return { type: 'socket', ...more }
}

export function character(major: number, minor: number, more: Attributes = {}): Entry {
  return { type: 'character', major, minor, ...more }
}

export function block(major: number, minor: number, more: Attributes = {}): Entry {
  return { type: 'block', major, minor, ...more }
}

export function hardlink(of: string): Entry {
  return { type: 'hardlink', of }
}

/** Makes `tree` in the directory `base`, which exists. */
export function makeTree(base: string, tree: Tree): void {
  makeEntries(base, base, tree)
  makeLinks(base, base, tree)
  // Directories last: making what is inside changes their times, and would inherit their ACLs.
  finishDirectories(base, tree)
}

function makeEntries(top: string, base: string, tree: Tree): void {
  for (const [name, entry] of Object.entries(tree)) {
    const path = `${base}/${name}`
    if (entry.type === 'hardlink') continue
    makeOne(path, entry)
    if (entry.type === 'directory') makeEntries(top, path, entry.entries)
    else setAttributes(path, entry)
  }
}

function makeLinks(top: string, base: string, tree: Tree): void {
  for (const [name, entry] of Object.entries(tree)) {
    const path = `${base}/${name}`
    if (entry.type === 'hardlink') calls.link(`${top}/${entry.of}`, path)
    else if (entry.type === 'directory') makeLinks(top, path, entry.entries)
  }
}

function finishDirectories(base: string, tree: Tree): void {
  for (const [name, entry] of Object.entries(tree)) {
    if (entry.type !== 'directory') continue
    const path = `${base}/${name}`
    finishDirectories(path, entry.entries)
    setAttributes(path, entry)
  }
}

type Made = Exclude<Entry, { type: 'hardlink' }>

function makeOne(path: string, entry: Made): void {
  switch (entry.type) {
    case 'file':
      calls.withOpen(path, C.O_WRONLY | C.O_CREAT | C.O_EXCL, fd => {
        calls.writeAll(fd, calls.bytes(entry.data))
        if (entry.size !== undefined) calls.ftruncate(fd, entry.size)
      })
      return
    case 'directory':
      calls.mkdir(path)
      return
    case 'symlink':
      calls.symlink(entry.target, path)
      return
    case 'fifo':
      calls.mknod(path, C.S_IFIFO | 0o644)
      return
    case 'socket':
      calls.mknod(path, C.S_IFSOCK | 0o644)
      return
    case 'character':
      calls.mknod(path, C.S_IFCHR | 0o644, entry.major, entry.minor)
      return
    case 'block':
      calls.mknod(path, C.S_IFBLK | 0o644, entry.major, entry.minor)
  }
}

/** Owner before mode and capabilities, since chown takes those away. */
function setAttributes(path: string, entry: Made): void {
  if (entry.uid !== undefined || entry.gid !== undefined) {
    calls.lchown(path, entry.uid ?? -1, entry.gid ?? -1)
  }
  if (entry.type !== 'symlink') {
    calls.chmod(path, entry.mode ?? (entry.type === 'directory' ? 0o755 : 0o644))
  }
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
    calls.setxattr(path, name, value)
  }
  setTimes(path, entry)
}

function setTimes(path: string, entry: Attributes): void {
  if (entry.mtime === undefined && entry.atime === undefined) return
  const { atime = 'omit', mtime = 'omit' } = entry
  calls.utimens(path, atime, mtime, C.AT_SYMLINK_NOFOLLOW)
}

/** The directories of a tree alone, with their attributes. */
export function directoriesOf(tree: Tree): Tree {
  const kept: Record<string, Entry> = {}
  for (const [name, entry] of Object.entries(tree)) {
    if (entry.type !== 'directory') continue
    kept[name] = { ...entry, entries: directoriesOf(entry.entries) }
  }
  return kept
}

/** The paths of a tree's entries, parents first. */
export function pathsOf(tree: Tree, base = ''): string[] {
  return Object.entries(tree).flatMap(([name, entry]) => {
    const path = base === '' ? name : `${base}/${name}`
    const below = entry.type === 'directory' ? pathsOf(entry.entries, path) : []
    return [path, ...below]
  })
}

const TYPE_LETTER: ReadonlyMap<number, string> = new Map([
  [C.S_IFREG, '-'],
  [C.S_IFDIR, 'd'],
  [C.S_IFLNK, 'l'],
  [C.S_IFIFO, 'p'],
  [C.S_IFSOCK, 's'],
  [C.S_IFCHR, 'c'],
  [C.S_IFBLK, 'b'],
])

export interface DescribeOptions {
  /** Leave extended attributes out whose name this is true for. */
  readonly ignoreXattr?: (name: string) => boolean
  /** Times of files as well. */
  readonly times?: boolean
}

/**
 * One line a file, sorted by path: type, mode, owner, size or device, link target, contents,
 * extended attributes. Two trees are the same when their lines are.
 */
export function describeTree(base: string, options: DescribeOptions = {}): string[] {
  const lines: string[] = []
  const walk = (path: string, shown: string): void => {
    lines.push(describeOne(path, shown, options))
    if ((calls.lstat(path).mode & C.S_IFMT) !== C.S_IFDIR) return
    for (const name of calls.names(path)) walk(`${path}/${name}`, `${shown}/${name}`)
  }
  walk(base, '.')
  return lines
}

function describeOne(path: string, shown: string, options: DescribeOptions): string {
  const stat = calls.lstat(path)
  const type = stat.mode & C.S_IFMT
  const words = [
    shown,
    `${TYPE_LETTER.get(type) ?? '?'}${(stat.mode & 0o7777).toString(8).padStart(4, '0')}`,
    `${stat.uid}:${stat.gid}`,
  ]
  if (type === C.S_IFREG) words.push(`${stat.size} ${shorten(quietly(path))}`)
  if (type === C.S_IFLNK) words.push(`-> ${calls.readlink(path)}`)
  if (type === C.S_IFCHR || type === C.S_IFBLK) words.push(stat.rdev)
  if (options.times === true && type !== C.S_IFDIR) words.push(`mtime=${stat.mtime}`)
  for (const name of attributesOf(path)) {
    if (options.ignoreXattr?.(name) === true) continue
    words.push(`${name}=${calls.getxattr(path, name).toString('hex')}`)
  }
  return words.join(' ')
}

/** None where the filesystem has none, as squashfs answers for a whole image. */
function attributesOf(path: string): string[] {
  try {
    return calls.listxattr(path)
  } catch (error) {
    if (error instanceof calls.CallError && error.code === 'EOPNOTSUPP') return []
    throw error
  }
}

/** The first MiB; without a trace in the access time, since it may be a layer under test. */
function quietly(path: string): Buffer {
  return calls.withOpen(path, C.O_RDONLY | C.O_NOATIME, fd => calls.pread(fd, 1 << 20, 0))
}

function shorten(data: Buffer): string {
  const text = JSON.stringify(data.subarray(0, 64).toString('latin1'))
  if (data.length <= 64) return text
  return `${text}... ${createHash('sha256').update(data).digest('hex').slice(0, 12)}`
}
