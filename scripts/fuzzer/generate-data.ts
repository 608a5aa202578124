// Operations on open files: opening, data, space, offsets, locks, mappings.
import type { Generator } from './generate.js'
import {
  anyOf,
  existing,
  fresh,
  isAnything,
  isDirectory,
  isFile,
  mode,
  offset,
  openSlot,
  size,
  slotFor,
  type Scene,
} from './choose.js'
import { FALLOC, O } from './flags.js'
import type { Inode, OpenFile } from './model.js'

const readable = (file: OpenFile): boolean =>
  (file.flags & O.PATH) === 0 &&
  (file.flags & 3) !== O.WRONLY &&
  file.inode.kind !== 'directory'
const writable = (file: OpenFile): boolean =>
  (file.flags & O.PATH) === 0 && (file.flags & 3) !== O.RDONLY
const readableFile = (file: OpenFile): boolean =>
  readable(file) && file.inode.kind === 'file'
const writableFile = (file: OpenFile): boolean =>
  writable(file) && file.inode.kind === 'file'
/** Not compared: 'mappings of append-only files'. */
const mayBeMapped = (file: OpenFile): boolean => readable(file) && !file.inode.locked
/** Not compared: 'file capabilities after a write through a mapping'. */
const mayBeWrittenMapped = (file: OpenFile): boolean =>
  writableFile(file) && mayBeMapped(file) && !file.inode.xattrs.has('security.capability')
/** Not compared: 'read-only mappings across a copy-up'. */
const showsItsData = (file: OpenFile): boolean =>
  writable(file) || !(file.inode.lower && file.inode.written)
const anyFile = (file: OpenFile): boolean => file.inode.kind === 'file'

/** Flags that go with any open, each at times. */
const SOMETIMES: readonly (readonly [chance: number, flag: number])[] = [
  [0.1, O.NOFOLLOW],
  [0.05, O.NOATIME],
  [0.05, O.DIRECT],
  [0.05, O.SYNC],
  [0.1, O.CREAT],
  [0.03, O.EXCL],
  [0.03, O.DIRECTORY],
]

const openExisting: Generator = scene => {
  const { random } = scene
  const [access, bits] = random.pick([
    [O.RDONLY, 4],
    [O.RDONLY, 4],
    [O.RDWR, 6],
    [O.RDWR, 6],
    [O.WRONLY, 2],
  ] as const)
  const path = existing(scene, anyOf('file', 'fifo', 'char', 'symlink', 'socket'), bits)
  if (path === undefined) return undefined
  if (random.chance(0.06)) return ['open', slotFor(scene), path, O.PATH | O.NOFOLLOW, 0]
  let flags: number = access
  if (access !== O.RDONLY && random.chance(0.15)) flags |= O.TRUNC
  if (access !== O.RDONLY && random.chance(0.15)) flags |= O.APPEND
  for (const [chance, flag] of SOMETIMES) if (random.chance(chance)) flags |= flag
  return ['open', slotFor(scene), path, flags, 0o666]
}

const openRegular: Generator = scene => {
  const access = scene.random.pick([O.RDONLY, O.RDWR, O.RDWR, O.WRONLY])
  const path = existing(scene, isFile, access === O.RDONLY ? 4 : 6)
  if (path === undefined) return undefined
  return ['open', slotFor(scene), path, access, 0]
}

const openNew: Generator = scene => {
  const { random } = scene
  let flags = O.CREAT | random.pick([O.RDWR, O.RDWR, O.WRONLY, O.RDONLY])
  if (random.chance(0.4)) flags |= O.EXCL
  if (random.chance(0.1)) flags |= O.TRUNC
  if (random.chance(0.1)) flags |= O.APPEND
  return ['open', slotFor(scene), fresh(scene), flags, mode(random)]
}

const openTemporary: Generator = scene => {
  const path = existing(scene, isDirectory, 3)
  if (path === undefined) return undefined
  const flags = O.TMPFILE | scene.random.pick([O.RDWR, O.WRONLY])
  return [
    'open',
    slotFor(scene),
    path,
    flags | (scene.random.chance(0.2) ? O.EXCL : 0),
    mode(scene.random),
  ]
}

const openDirectory: Generator = scene => {
  const path = existing(scene, isDirectory, 5)
  if (path === undefined) return undefined
  const flags = scene.random.pick([
    O.RDONLY | O.DIRECTORY,
    O.RDONLY,
    O.PATH | O.DIRECTORY,
  ])
  return ['open', slotFor(scene), path, flags, 0]
}

const close: Generator = scene => {
  const slot = openSlot(scene, isAnything)
  return slot === undefined ? undefined : ['close', slot]
}

/** Direct I/O wants aligned sizes and offsets; what happens otherwise is not compared. */
function extent(scene: Scene, slot: number): [length: number, offset: number] {
  const file = scene.model.slot(scene.user, slot)
  let length = size(scene.random)
  let at = offset(scene.random, file?.inode)
  if (file && file.flags & O.DIRECT) {
    length = Math.max(4096, length & ~4095)
    at &= ~4095
  }
  return [length, at]
}

function onSlot(
  suits: (file: OpenFile) => boolean,
  make: (scene: Scene, slot: number) => ReturnType<Generator>,
): Generator {
  return scene => {
    const slot = openSlot(scene, suits)
    return slot === undefined ? undefined : make(scene, slot)
  }
}

const seed = ({ random }: Scene): number => random.below(100_000)
const isDirect = (file: OpenFile): boolean => (file.flags & O.DIRECT) !== 0
/** Not compared: 'unaligned direct I/O'. */
const writesWhereTold = (file: OpenFile): boolean =>
  writable(file) && !(isDirect(file) && (file.flags & O.APPEND) !== 0)

const fallocate = onSlot(writableFile, (scene, slot) => {
  const modes = [
    0,
    FALLOC.KEEP_SIZE,
    FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE,
    FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE,
    FALLOC.ZERO_RANGE,
    FALLOC.ZERO_RANGE | FALLOC.KEEP_SIZE,
    FALLOC.PUNCH_HOLE,
  ]
  const inode = scene.model.slot(scene.user, slot)?.inode
  return [
    'fallocate',
    slot,
    scene.random.pick(modes),
    offset(scene.random, inode),
    size(scene.random),
  ]
})

const copy: Generator = scene => {
  const from = openSlot(scene, file => readableFile(file) && !isDirect(file))
  const to = openSlot(scene, file => writableFile(file) && !isDirect(file))
  if (from === undefined || to === undefined) return undefined
  const { random, model, user } = scene
  const place = (slot: number): number =>
    random.chance(0.3) ? -1 : offset(random, model.slot(user, slot)?.inode)
  return ['copy', from, place(from), to, place(to), size(random)]
}

const truncate: Generator = scene => {
  const path = existing(scene, isFile, 2)
  if (path === undefined) return undefined
  const length = size(scene.random)
  // Not compared: 'set-id bits of files that are truncated to the size they have'.
  const inode = scene.model.paths().get(path)
  const changesNothing = length === (inode?.size ?? 0)
  return changesNothing && scene.user !== 'u0' ? undefined : ['truncate', path, length]
}

const lock = onSlot(anyFile, (scene, slot) => {
  const { random } = scene
  const type = random.below(3)
  const range = [random.pick([0, 0, 10, 100]), random.pick([0, 10, 50])] as const
  return [random.chance(0.6) ? 'lock' : 'getlock', slot, random.below(2), type, ...range]
})

/**
 * 'what a mapping keeps open', 'times after a write through a mapping': whether FUSE's own page
 * cache may be what is mapped. What is new in the upper is always mapped by passthrough.
 */
function mayBeCached({ passthrough }: Scene, inode: Inode | undefined): number {
  return !passthrough || inode?.lower === true ? 1 : 0
}

const MAP_LENGTH = 16_384

const mapping: Generator = scene => {
  const { random, model, user } = scene
  const number = random.below(4)
  const mapped = model.mappings.get(`${user}:${number}`)
  if (!mapped || random.chance(0.1)) {
    const slot = openSlot(scene, file => mayBeWrittenMapped(file))
    if (slot === undefined) return undefined
    const holds = mayBeCached(scene, model.slot(user, slot)?.inode)
    return ['map', number, slot, 0, MAP_LENGTH, 1, holds]
  }
  if (random.chance(0.1)) return ['unmap', number]
  const at = random.below(Math.min(MAP_LENGTH, mapped.inode.size + 100) - 1)
  const length = 1 + random.below(Math.min(5000, MAP_LENGTH - at - 1))
  return random.chance(0.5)
    ? ['mappedread', number, at, length]
    : ['mappedwrite', number, at, length, seed(scene), mayBeCached(scene, mapped.inode)]
}

export const DATA: readonly (readonly [weight: number, Generator])[] = [
  [30, openExisting],
  [30, openRegular],
  [25, openNew],
  [5, openTemporary],
  [12, openDirectory],
  [28, close],
  [
    12,
    onSlot(
      f => readable(f) && !isDirect(f),
      (scene, slot) => ['read', slot, extent(scene, slot)[0]],
    ),
  ],
  [20, onSlot(readable, (scene, slot) => ['pread', slot, ...extent(scene, slot)])],
  [
    14,
    onSlot(
      f => writable(f) && !isDirect(f),
      (scene, slot) => ['write', slot, extent(scene, slot)[0], seed(scene)],
    ),
  ],
  [
    22,
    onSlot(writesWhereTold, (scene, slot) => [
      'pwrite',
      slot,
      ...extent(scene, slot),
      seed(scene),
    ]),
  ],
  [6, truncate],
  [7, onSlot(writableFile, ({ random }, slot) => ['ftruncate', slot, size(random)])],
  [8, fallocate],
  [
    6,
    onSlot(anyFile, ({ random, model, user }, slot) => {
      const inode = model.slot(user, slot)?.inode
      return ['lseek', slot, offset(random, inode), random.below(3)]
    }),
  ],
  [
    5,
    onSlot(anyFile, ({ random, model, user }, slot) => {
      const inode = model.slot(user, slot)?.inode
      return ['seekdata', slot, offset(random, inode), random.pick([3, 4])]
    }),
  ],
  [6, copy],
  [3, onSlot(anyFile, ({ random }, slot) => ['fsync', slot, random.below(2)])],
  [1, onSlot(isAnything, (_, slot) => ['fsync', slot, 0])],
  [1, onSlot(isAnything, (_, slot) => ['syncfs', slot])],
  [4, onSlot(anyFile, ({ random }, slot) => ['flock', slot, random.pick([1, 2, 8])])],
  [6, lock],
  [
    5,
    onSlot(
      file =>
        readableFile(file) && mayBeMapped(file) && showsItsData(file) && !isDirect(file),
      (scene, slot) => [
        'mapread',
        slot,
        extent(scene, slot)[1],
        1 + scene.random.below(20_000),
      ],
    ),
  ],
  [
    5,
    onSlot(
      file => mayBeWrittenMapped(file) && !isDirect(file),
      (scene, slot) => [
        'mapwrite',
        slot,
        extent(scene, slot)[1],
        1 + scene.random.below(8000),
        seed(scene),
        mayBeCached(scene, scene.model.slot(scene.user, slot)?.inode),
      ],
    ),
  ],
  [6, mapping],
]
