// Operations on names: making, linking, moving and removing; listing directories.
import {
  anyOf,
  directoryMode,
  existing,
  fresh,
  isAnything,
  isDirectory,
  isFile,
  LONG_NAME,
  mayLieBelowRemoved,
  mode,
  NAMES,
  openSlot,
  type Scene,
} from './choose.js'
import { AT_SYMLINK_FOLLOW, O, RENAME } from './flags.js'
import type { Generator } from './generate.js'
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFREG, S_IFSOCK } from './mode.js'
import type { Inode } from './model.js'

const notDirectory = anyOf('file', 'file', 'symlink', 'fifo', 'char', 'socket', 'block')
const emptyDirectory = (inode: Inode): boolean =>
  inode.kind === 'directory' && inode.children.size === 0

const mkdir: Generator = scene => [
  'mkdir',
  fresh(scene, true),
  directoryMode(scene.random),
]

const mknod: Generator = scene => {
  const { random } = scene
  const path = fresh(scene)
  const permissions = random.pick([0o666, 0o600, 0o644, 0o4777])
  const [type, major, minor] = random.pick([
    [S_IFIFO, 0, 0],
    [S_IFIFO, 0, 0],
    [S_IFSOCK, 0, 0],
    [S_IFREG, 0, 0],
    [0, 0, 0],
    [S_IFCHR, 1, 3],
    [S_IFCHR, 1, 5],
    [S_IFCHR, 240, 300],
    [S_IFBLK, 240, 70_000],
    [S_IFCHR, 0, 0],
  ] as const)
  return ['mknod', path, type | permissions, major, minor]
}

const symlink: Generator = scene => {
  const { random } = scene
  const path = fresh(scene)
  const up = '../'.repeat(path.split('/').length - 1)
  const inside = existing(scene, isAnything) ?? 'a'
  const target = random.pick([
    up + (inside.startsWith('@') ? 'a' : inside),
    random.pick(NAMES),
    '/proc/nowhere',
    'x'.repeat(random.pick([1, 60, 61, 1000, 4095])),
  ])
  return ['symlink', target, path]
}

const readlink: Generator = scene => {
  const path = existing(scene, anyOf('symlink'))
  return path === undefined ? undefined : ['readlink', path]
}

const link: Generator = scene => {
  const from = existing(scene, notDirectory)
  if (from === undefined) return undefined
  const flags = scene.random.chance(0.15) ? AT_SYMLINK_FOLLOW : 0
  return ['link', from, fresh(scene), flags]
}

const linkslot: Generator = scene => {
  const slot =
    openSlot(
      scene,
      file => (file.flags & O.TMPFILE) === O.TMPFILE && file.inode.links === 0,
    ) ?? openSlot(scene, f => f.inode.kind !== 'directory' && !mayLieBelowRemoved(f))
  if (slot === undefined) return undefined
  return ['linkslot', slot, fresh(scene), scene.random.below(2)]
}

const unlink: Generator = scene => {
  const path = existing(scene, notDirectory)
  return path === undefined ? undefined : ['unlink', path]
}

const rmdir: Generator = scene => {
  const any = scene.random.chance(0.15)
  const path = existing(scene, any ? isDirectory : emptyDirectory)
  return path === undefined ? undefined : ['rmdir', path]
}

/** To a new name, over something of a kind that can be replaced, or one for the other. */
const rename: Generator = scene => {
  const { random, model } = scene
  const from = existing(scene, random.chance(0.4) ? isDirectory : notDirectory, 0)
  if (from === undefined || from === '.') return undefined
  const directory = model.paths().get(from)?.kind === 'directory'
  if (random.chance(0.2)) {
    const other = existing(scene, isAnything)
    if (other !== undefined && !givesLongName(scene, from, other))
      return ['rename', from, other, RENAME.EXCHANGE]
  }
  const flags = random.weighted([
    [10, 0],
    [2, RENAME.NOREPLACE],
    [1, RENAME.WHITEOUT],
  ] as const)
  if (random.chance(0.35)) {
    const over = existing(scene, directory ? emptyDirectory : notDirectory)
    if (over !== undefined) return ['rename', from, over, flags]
  }
  return ['rename', from, fresh(scene, directory), flags]
}

/** Not compared: 'redirects beyond 256 bytes'. Of an exchange that would give one to a directory. */
function givesLongName({ model }: Scene, ...paths: readonly string[]): boolean {
  const directories = paths.some(path => model.paths().get(path)?.kind === 'directory')
  return directories && paths.some(path => path.endsWith(LONG_NAME))
}

const exec: Generator = scene => {
  const program = (inode: Inode): boolean =>
    inode.kind === 'file' && (inode.mode & 0o111) !== 0
  const path = existing(scene, scene.random.chance(0.8) ? program : isFile, 1)
  return path === undefined ? undefined : ['exec', path]
}

const list: Generator = scene => {
  const path = existing(scene, isDirectory, 5)
  return path === undefined ? undefined : ['list', path]
}

const dirread: Generator = scene => {
  const slot = openSlot(
    scene,
    f => f.inode.kind === 'directory' && (f.flags & O.PATH) === 0,
  )
  if (slot === undefined) return undefined
  // The smallest buffer still holds the longest name.
  return ['dirread', slot, scene.random.pick([288, 320, 400, 1000, 4096, 65_536])]
}

const dirseek: Generator = scene => {
  const slot = openSlot(
    scene,
    f => f.inode.kind === 'directory' && (f.flags & O.PATH) === 0,
  )
  if (slot === undefined) return undefined
  return ['dirseek', slot, scene.random.pick([0, 0, 1, 2, 3, 5, 8])]
}

export const NAME_OPERATIONS: readonly (readonly [weight: number, Generator])[] = [
  [16, mkdir],
  [9, mknod],
  [9, symlink],
  [10, readlink],
  [14, link],
  [6, linkslot],
  [24, unlink],
  [10, rmdir],
  [34, rename],
  [3, scene => ['program', fresh(scene), 0o755]],
  [4, exec],
  [12, list],
  [12, dirread],
  [6, dirseek],
  [1, scene => ['umask', scene.random.pick([0, 0o022, 0o002, 0o077, 0o027])]],
  [2, scene => ['mkdir', fresh(scene, true), mode(scene.random)]],
]
