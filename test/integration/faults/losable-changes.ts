// Changes of lower files, each made through a mount at a known place of the disk's record, and
// what may be in the upper layer after a power loss at another: a file is wholly old or wholly
// new, and new once its change was flushed.
import * as fs from 'node:fs'
import type { Random } from '../../../scripts/fuzzer/random.js'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'

const KINDS = ['chmod', 'write', 'truncate', 'open with O_TRUNC'] as const
export type ChangeKind = (typeof KINDS)[number]

const SIZES = [1, 100, 4096, 5000, 16_384, 70_000, 300_000]
const OLD_MODE = 0o644
const NEW_MODE = 0o600

export class LosableChange {
  private readonly old: Buffer
  private readonly changed: Buffer
  private readonly at: number
  /** Losses from this entry of the record on find it done. */
  private flushedAt = Infinity

  readonly name: string
  private readonly kind: ChangeKind
  private readonly flushes: boolean

  /** A change of the file `name`. */
  constructor(name: string, random: Random, kind: ChangeKind = random.pick(KINDS)) {
    this.name = name
    this.kind = kind
    this.flushes = random.chance(0.2)
    this.old = contents(random)
    // Within a page: only a page is written wholly or not at all.
    this.at = random.below(this.old.length)
    this.changed = this.change()
  }

  makeLower(folder: string): void {
    const path = `${folder}/${this.name}`
    fs.writeFileSync(path, '')
    fs.truncateSync(path, this.old.length)
    calls.withOpen(path, C.O_WRONLY, fd => {
      for (let at = 0; at < this.old.length; at += HOLE) {
        const part = this.old.subarray(at, at + HOLE)
        if (part.some(byte => byte !== 0)) calls.pwrite(fd, part, at)
      }
    })
    calls.chmod(path, OLD_MODE)
  }

  /** Makes the change. `position` tells how long the disk's record is. */
  make(folder: string, position: () => number): void {
    const path = `${folder}/${this.name}`
    switch (this.kind) {
      case 'chmod':
        calls.chmod(path, NEW_MODE)
        break
      case 'write':
        calls.withOpen(path, C.O_RDWR, fd => calls.pwrite(fd, '\xff', this.at))
        break
      case 'truncate':
        // Not by a descriptor: the file would be whole first, and then cut by the disk in steps.
        calls.truncate(path, this.changed.length)
        break
      case 'open with O_TRUNC':
        calls.close(calls.open(path, C.O_WRONLY | C.O_TRUNC))
    }
    if (!this.flushes) return
    calls.withOpen(path, C.O_RDONLY, fd => calls.fsync(fd))
    this.flushedAt = position()
  }

  /** What is wrong with the file in the upper layer after a loss at `position`; '' for nothing. */
  check(upper: string, position: number): string {
    const path = `${upper}/${this.name}`
    const isFlushed = position >= this.flushedAt
    let fd
    try {
      fd = fs.openSync(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        return this.wrong(String(error))
      return isFlushed ? this.wrong('was flushed, and is not there') : ''
    }
    const data = fs.readFileSync(fd)
    const mode = fs.fstatSync(fd).mode & 0o777
    fs.closeSync(fd)
    const isNew =
      data.equals(this.changed) && (this.kind !== 'chmod' || mode === NEW_MODE)
    if (isNew) return ''
    if (isFlushed)
      return this.wrong(`was flushed, and is not changed: ${told(data, mode)}`)
    const isOld = data.equals(this.old) && mode === OLD_MODE
    return isOld ? '' : this.wrong(`neither old nor new: ${told(data, mode)}`)
  }

  private change(): Buffer {
    switch (this.kind) {
      case 'chmod':
        return this.old
      case 'write': {
        const changed = Buffer.from(this.old)
        changed[this.at] = 0xff
        return changed
      }
      case 'truncate':
        return this.old.subarray(0, this.at)
      case 'open with O_TRUNC':
        return this.old.subarray(0, 0)
    }
  }

  private wrong(what: string): string {
    return `${this.kind} of ${this.name}, ${this.old.length} bytes: ${what}`
  }
}

const HOLE = 4096

/** Bytes that are not those of any other file, with a hole now and then. */
function contents(random: Random): Buffer {
  const bytes = Buffer.alloc(random.pick(SIZES))
  for (let at = 0; at < bytes.length; at++) bytes[at] = 1 + random.below(254)
  if (bytes.length > 4 * HOLE && random.chance(0.3)) bytes.fill(0, HOLE, 3 * HOLE)
  return bytes
}

function told(data: Buffer, mode: number): string {
  const zeros = data.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0)
  return `${data.length} bytes, of which ${zeros} are 0, mode ${mode.toString(8)}`
}
