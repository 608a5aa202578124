// Packs directory entries into a reply until it is full (struct fuse_dirent, fuse_direntplus).
import { fuse_dirent, fuse_entry_out } from './abi/structs.js'
import { NEVER, type Reply, type Validity } from './reply.js'

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

/** Appends to `reply`, never beyond `limit` bytes of body. */
export class DirentPacker {
  private readonly end: number

  private readonly reply: Reply

  constructor(reply: Reply, limit: number) {
    this.reply = reply
    this.end = Math.min(reply.length + limit, reply.bytes.length)
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

  /** An entry of READDIRPLUS that carries no node (`.`, `..`): the kernel looks it up itself. */
  addBare(name: string, cookie: number, type: number, a: Uint32Array): void {
    this.addPlus(name, cookie, type, 0, 0, NEVER, NEVER, a)
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
