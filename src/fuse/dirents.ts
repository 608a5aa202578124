// Packs directory entries into a reply until it is full (struct fuse_dirent, fuse_direntplus).
import { fuse_dirent, fuse_entry_out, fuse_out_header } from './abi/structs.js'
import type { Reply, Validity } from './reply.js'

/** The kernel drops whole replies with longer names (FUSE_NAME_MAX). */
export const NAME_MAX = 1024

const align = (bytes: number): number => (bytes + 7) & ~7

/** Bytes of an entry in a READDIR reply. */
export function direntSize(nameLength: number): number {
  return align(fuse_dirent.name + nameLength)
}

/** Bytes of an entry in a READDIRPLUS reply. */
export function direntPlusSize(nameLength: number): number {
  return align(fuse_entry_out.size + fuse_dirent.name + nameLength)
}

/** The node of each entry of a READDIRPLUS reply that counts as a lookup. */
export function* lookupsOf({ words, length }: Reply): Generator<number> {
  let at: number = fuse_out_header.size
  while (at < length) {
    const nodeid = (words[at >>> 2] ?? 0) + (words[(at >>> 2) + 1] ?? 0) * 0x1_0000_0000
    if (nodeid !== 0) yield nodeid
    const dirent = at + fuse_entry_out.size
    at += direntPlusSize(words[(dirent + fuse_dirent.namelen) >>> 2] ?? 0)
  }
}

/** Appends to `reply`, never beyond `limit` bytes of body. */
export class DirentPacker {
  private readonly end: number

  private readonly reply: Reply

  constructor(reply: Reply, limit: number) {
    this.reply = reply
    this.end = Math.min(reply.length + limit, reply.bytes.length)
  }

  /** Bytes that are left. */
  get room(): number {
    return this.end - this.reply.length
  }

  /** Whether an entry of READDIR with this name still fits. */
  fits(nameLength: number): boolean {
    return this.reply.length + direntSize(nameLength) <= this.end
  }

  fitsPlus(nameLength: number): boolean {
    return this.reply.length + direntPlusSize(nameLength) <= this.end
  }

  /** `cookie` is the offset of what follows the entry; `type` is a DT_ number. */
  add(name: string, cookie: number, type: number, inoLow: number, inoHigh: number): void {
    const at = this.reply.length
    this.dirent(at, name, cookie, type, inoLow, inoHigh)
    this.reply.length = at + direntSize(name.length)
  }

  /** An entry with its node: counts as one lookup of it. */
  addPlus(
    name: string,
    cookie: number,
    type: number,
    nodeid: number,
    generation: number,
    entry: Validity,
    attr: Validity,
    a: Uint32Array,
  ): void {
    const at = this.reply.length
    this.reply.entryAt(at, nodeid, generation, entry, attr, a)
    this.dirent(at + fuse_entry_out.size, name, cookie, type, a[0] ?? 0, a[1] ?? 0)
    this.reply.length = at + direntPlusSize(name.length)
  }

  /**
   * The same for a name that lies in `names` and attributes that lie in a buffer of many, with
   * the cookie in two words.
   */
  addPlusFrom(
    names: Uint8Array,
    start: number,
    length: number,
    cookieLow: number,
    cookieHigh: number,
    type: number,
    nodeid: number,
    generation: number,
    valid: Validity,
    records: Uint32Array,
    from: number,
  ): void {
    const at = this.reply.length
    this.reply.entryAt(at, nodeid, generation, valid, valid, records, from)
    const dirent = at + fuse_entry_out.size
    const w = this.reply.words
    let i = dirent >>> 2
    w[i++] = records[from] ?? 0
    w[i++] = records[from + 1] ?? 0
    w[i++] = cookieLow
    w[i++] = cookieHigh
    w[i++] = length
    w[i] = type
    const bytes = this.reply.bytes
    const end = dirent + direntSize(length)
    let to = dirent + fuse_dirent.name
    for (let k = start; k < start + length; k++) bytes[to++] = names[k] ?? 0
    while (to < end) bytes[to++] = 0
    this.reply.length = end
  }

  /**
   * An entry of READDIRPLUS that carries no node (`.`, `..`): the kernel takes its number and
   * type, and links nothing (fuse_emit, fuse_direntplus_link).
   */
  addBare(
    name: string,
    cookie: number,
    type: number,
    inoLow: number,
    inoHigh: number,
  ): void {
    const at = this.reply.length
    this.reply.words.fill(0, at >>> 2, (at + fuse_entry_out.size) >>> 2)
    this.dirent(at + fuse_entry_out.size, name, cookie, type, inoLow, inoHigh)
    this.reply.length = at + direntPlusSize(name.length)
  }

  private dirent(
    at: number,
    name: string,
    cookie: number,
    type: number,
    inoLow: number,
    inoHigh: number,
  ): void {
    const w = this.reply.words
    let i = at >>> 2
    w[i++] = inoLow
    w[i++] = inoHigh
    w[i++] = cookie
    w[i++] = cookie / 0x1_0000_0000
    w[i++] = name.length
    w[i] = type
    const bytes = this.reply.bytes
    const start = at + fuse_dirent.name
    const end = at + direntSize(name.length)
    bytes.latin1Write(name, start)
    for (let k = start + name.length; k < end; k++) bytes[k] = 0
  }
}
