// Compares a layer with its inventory. It reads directories and attributes, and contents where asked
// to, by descriptors from the layer's root; an entry that is as recorded costs no object.
import { FsError } from '../../errno/fs-error.js'
import type { Layer } from '../../layer/layer.js'
import {
  AT_EMPTY_PATH,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx, statxBatch } from '../../sys/inode.js'
import {
  isDirectory,
  ST,
  STAT_WORDS,
  statNumber,
  statRecords,
  statType,
} from '../../sys/stat.js'
import { digestOfFile, digestOfTarget } from './digest-contents.js'
import { DirectoryNames } from './directory-names.js'
import type { Inventory } from './inventory.js'
import { LayerWalk } from './layer-walk.js'
import { ENTRY, ENTRY_WORDS } from './layout.js'

export interface Deviation {
  /** From the layer's root, `/` for the root itself; a latin1 string of bytes. */
  readonly path: string
  /** "mode, change time", "missing", "added", "contents" ... */
  readonly what: string
  /** Change time and inode number alone: what a copy of the whole store changes. */
  readonly moved: boolean
}

/** More deviations than these are not looked for. */
const ENOUGH = 1000
const BATCH = 256

/**
 * What is not as the inventory has it. Yields now and then: a caller may do something else.
 * @param layer stays open.
 * @param most deviations that are looked for.
 * @throws FsError
 */
export function* compareInventory(
  layer: Layer,
  inventory: Inventory,
  contents: boolean,
  most = ENOUGH,
): Generator<undefined, readonly Deviation[]> {
  const comparison = new Comparison(layer, inventory, contents, most)
  try {
    yield* comparison.run()
    return comparison.deviations
  } finally {
    comparison.close()
  }
}

class Comparison {
  readonly deviations: Deviation[] = []
  private readonly layer: Layer
  private readonly inventory: Inventory
  private readonly contents: boolean
  private readonly most: number
  private readonly walk: LayerWalk
  private readonly names = new DirectoryNames()
  private readonly records = statRecords(BATCH)
  /** Where the names of the batch begin. */
  private readonly offsets = new Uint32Array(BATCH)

  constructor(layer: Layer, inventory: Inventory, contents: boolean, most: number) {
    this.layer = layer
    this.inventory = inventory
    this.contents = contents
    this.most = most
    this.walk = new LayerWalk(layer.rootFd)
  }

  *run(): Generator<undefined> {
    const error = statx(this.layer.rootFd, '', AT_EMPTY_PATH, this.records, 0)
    if (error < 0) throw new FsError(error, 'statx', this.layer.path)
    if (!this.isAsRecorded(this.inventory.rootAt, 0))
      this.differ(this.inventory.rootAt, 0, '/')
    while (this.walk.next() && this.deviations.length < this.most) {
      this.inventory.nextBlock()
      if (this.walk.fd < 0) this.skipped()
      else yield* this.directory(this.walk.fd)
      yield
    }
  }

  close(): void {
    this.walk.close()
  }

  /** A directory that is not there has been told; those below it are not told again. */
  private skipped(): void {
    const { words, count, entriesAt } = this.inventory
    for (let i = 0; i < count; i++)
      if (isFolder(words, entriesAt + i * ENTRY_WORDS)) this.walk.note(null)
  }

  private *directory(fd: number): Generator<undefined> {
    const { names, inventory } = this
    names.read(fd)
    const recorded = inventory.bytes.subarray(
      inventory.namesAt,
      inventory.namesAt + inventory.namesLength,
    )
    const asRecorded = recorded.equals(names.bytes.subarray(0, names.length))
    // Places of the recorded names on the disk, where its order is another one.
    const places = asRecorded ? null : this.places()
    for (let first = 0; first < inventory.count; first += BATCH) {
      const end = Math.min(first + BATCH, inventory.count)
      this.readAttributes(fd, first, end, places)
      for (let i = first, r = 0; i < end; i++) {
        const place = places === null ? i : (places[i] ?? -1)
        const e = inventory.entriesAt + i * ENTRY_WORDS
        const isThere = place >= 0 && this.attributes(place, e, r)
        if (isFolder(inventory.words, e)) this.descend(isThere ? place : -1, r)
        else if (this.contents && isThere) yield* this.data(fd, place, e, r)
        if (place >= 0) r += STAT_WORDS
      }
    }
  }

  /** Stat records of the recorded names from `first` to `end` that are there, without gaps. */
  private readAttributes(
    dirfd: number,
    first: number,
    end: number,
    places: Int32Array | null,
  ): void {
    const { names } = this
    let several = 0
    for (let i = first; i < end; i++) {
      const place = places === null ? i : (places[i] ?? -1)
      if (place >= 0) this.offsets[several++] = names.offsets[place] ?? 0
    }
    statxBatch(dirfd, names.bytes, this.offsets, 0, several, this.records)
  }

  /** By recorded name its place on the disk, -1 for none. Tells what is missing and added. */
  private places(): Int32Array {
    const { names, inventory } = this
    const found = new Map<string, number>()
    for (let i = 0; i < names.count; i++) found.set(names.name(i), i)
    const places = new Int32Array(inventory.count)
    inventory.names().forEach((name, i) => {
      places[i] = found.get(name) ?? -1
      if (!found.delete(name)) this.tell(this.walk.path(name), 'missing')
    })
    for (const name of found.keys()) this.tell(this.walk.path(name), 'added')
    return places
  }

  /** A recorded directory's block comes next. One that is none any more has none to compare. */
  private descend(place: number, r: number): void {
    const isThere = place >= 0 && isDirectory(this.records, r)
    this.walk.note(isThere ? this.names.name(place) : null)
  }

  /** Compares the entry at word `e` with the stat record at `r`; false when there is none. */
  private attributes(place: number, e: number, r: number): boolean {
    if (this.isAsRecorded(e, r)) return true
    const path = this.walk.path(this.names.name(place))
    const isThere = this.records[r + ST.mask] !== 0
    if (isThere) this.differ(e, r, path)
    else this.tell(path, 'missing')
    return isThere
  }

  private isAsRecorded(e: number, r: number): boolean {
    const { words } = this.inventory
    const { records } = this
    return (
      words[e + ENTRY.mode] === records[r + ST.mode] &&
      words[e + ENTRY.uid] === records[r + ST.uid] &&
      words[e + ENTRY.gid] === records[r + ST.gid] &&
      words[e + ENTRY.ino] === records[r + ST.ino] &&
      words[e + ENTRY.ino + 1] === records[r + ST.ino + 1] &&
      words[e + ENTRY.ctime] === records[r + ST.ctime] &&
      words[e + ENTRY.ctime + 1] === records[r + ST.ctime + 1] &&
      words[e + ENTRY.ctimeNsec] === records[r + ST.ctimeNsec] &&
      words[e + ENTRY.mtime] === records[r + ST.mtime] &&
      words[e + ENTRY.mtime + 1] === records[r + ST.mtime + 1] &&
      words[e + ENTRY.mtimeNsec] === records[r + ST.mtimeNsec] &&
      words[e + ENTRY.rdev] === records[r + ST.rdev] &&
      (statType(records, r) === S_IFDIR ||
        (words[e + ENTRY.size] === records[r + ST.size] &&
          words[e + ENTRY.size + 1] === records[r + ST.size + 1]))
    )
  }

  private differ(e: number, r: number, path: string): void {
    this.deviations.push(deviationOf(this.inventory.words, e, this.records, r, path))
  }

  /** Compares contents, or a symlink's target, with their digest. */
  private *data(
    dirfd: number,
    place: number,
    e: number,
    r: number,
  ): Generator<undefined> {
    const word = this.inventory.words[e + ENTRY.digest] ?? 0
    const type = (this.inventory.words[e + ENTRY.mode] ?? 0) & S_IFMT
    if (word === 0 || statType(this.records, r) !== type) return
    const size = statNumber(this.records, ST.size, r)
    const name = this.names.name(place)
    const { value, byBlocks } = this.inventory.digest(word)
    if (type === S_IFLNK) {
      if (!digestOfTarget(dirfd, name).equals(value))
        this.tell(this.walk.path(name), 'target')
      return
    }
    const fd = openat2(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, 0)
    if (fd < 0) throw new FsError(fd, 'open', this.walk.path(name))
    try {
      const digest = yield* digestOfFile(fd, size, byBlocks)
      if (!digest.equals(value)) this.tell(this.walk.path(name), 'contents')
    } finally {
      close(fd)
    }
  }

  private tell(path: string, what: string): void {
    this.deviations.push({ path, what, moved: false })
  }
}

function isFolder(words: Uint32Array, e: number): boolean {
  return ((words[e + ENTRY.mode] ?? 0) & S_IFMT) === S_IFDIR
}

function deviationOf(
  words: Uint32Array,
  e: number,
  records: Uint32Array,
  r: number,
  path: string,
): Deviation {
  const differs = (entry: number, stat: number, count: number): boolean => {
    for (let i = 0; i < count; i++)
      if (words[e + entry + i] !== records[r + stat + i]) return true
    return false
  }
  const typeOf = (mode: number | undefined): number => (mode ?? 0) & S_IFMT
  const mode = words[e + ENTRY.mode]
  const isOther = typeOf(mode) !== typeOf(records[r + ST.mode])
  const isSized = typeOf(mode) !== S_IFDIR && !isOther
  const told: readonly (readonly [string, boolean])[] = [
    ['type', isOther],
    ['mode', !isOther && mode !== records[r + ST.mode]],
    ['owner', differs(ENTRY.uid, ST.uid, 1)],
    ['group', differs(ENTRY.gid, ST.gid, 1)],
    ['device number', !isOther && differs(ENTRY.rdev, ST.rdev, 1)],
    ['size', isSized && differs(ENTRY.size, ST.size, 2)],
    [
      'modification time',
      differs(ENTRY.mtime, ST.mtime, 2) || differs(ENTRY.mtimeNsec, ST.mtimeNsec, 1),
    ],
  ]
  const moves: readonly (readonly [string, boolean])[] = [
    [
      'change time',
      differs(ENTRY.ctime, ST.ctime, 2) || differs(ENTRY.ctimeNsec, ST.ctimeNsec, 1),
    ],
    ['inode', differs(ENTRY.ino, ST.ino, 2)],
  ]
  const named = (all: typeof told): string[] =>
    all.filter(([, is]) => is).map(([what]) => what)
  const changed = named(told)
  return {
    path,
    what: [...changed, ...named(moves)].join(', '),
    moved: changed.length === 0,
  }
}
