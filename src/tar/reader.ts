// Reads a tar stream entry by entry: V7, ustar, PAX, GNU and star. Pulls: contents are read or
// passed over before the next entry. Touches no filesystem, trusts nothing, and keeps nothing of
// an entry once it has been handed out, so that memory stays flat.
//
// Headers are parsed without waiting. Where the bytes do not suffice, parsing goes back to the
// entry's first header and begins anew when there are more: most entries cost no promise at all.
import { ByteCursor } from '../bytes/byte-cursor.js'
import type { ByteSource } from '../bytes/byte-source.js'
import { type Assembled, assembleHeader } from './assemble-header.js'
import type { SparseRun, TarHeader } from './entry.js'
import { BLOCK, isZeroBlock, parseHeader, type HeaderBlock } from './header.js'
import { defaultTarLimits, type TarLimits } from './limits.js'
import { parsePax, type PaxRecords } from './pax.js'
import { checkedMap, readLeadingMap, readOldMap } from './sparse.js'
import { TarError } from './tar-error.js'

/** What stands before an entry's own header and changes it. */
interface Extensions {
  /** Undefined where there is none. */
  pax: PaxRecords | undefined
  /** Of `pax`, what holds for all entries to come. */
  global: PaxRecords | undefined
  /** GNU's 'L' and 'K': names that are too long for the header. */
  longPath: string | undefined
  longLink: string | undefined
  /** Whether there was one for this entry alone: an archive may not end behind it. */
  any: boolean
}

/** Thrown where the bytes at hand do not suffice, and caught where more can be waited for. */
const NOT_YET = new Error('not enough bytes yet')

const NO_RECORDS: PaxRecords = new Map()

export class TarReader {
  private readonly cursor: ByteCursor
  private readonly limits: TarLimits
  /** Records that hold for every entry to come ('g'). */
  private global: PaxRecords | undefined
  /** Contents of the current entry that have not been read. */
  private left = 0
  /** What fills its last block. */
  private padding = 0
  private entries = 0
  private total = 0
  private current = ''

  constructor(source: ByteSource, limits: TarLimits = defaultTarLimits) {
    this.cursor = new ByteCursor(source)
    this.limits = limits
  }

  /** Bytes of the stream that have been read. */
  get position(): number {
    return this.cursor.position
  }

  /** Bytes that can be read without waiting, of the current entry or behind it. */
  get available(): number {
    return this.cursor.available
  }

  /**
   * The next entry, at once where its headers are at hand; undefined at the end, when the source
   * has been read to its end as well. Contents of the current entry that nobody read are passed
   * over.
   * @throws TarError for an archive that is malformed, cut off, or larger than allowed.
   */
  next(): TarHeader | undefined | Promise<TarHeader | undefined> {
    const rest = this.left + this.padding
    if (rest > this.cursor.available) return this.waitForNext()
    this.cursor.skip(rest)
    this.left = this.padding = 0
    const found = this.parseIfThere()
    return found === 'end' || found === 'wait' ? this.waitForNext() : found
  }

  /** A piece of the current entry's contents, valid until the next call; undefined at their end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.left === 0) return undefined
    if (this.cursor.available === 0 && !(await this.cursor.grow()))
      throw this.truncated('the contents of a file are cut off')
    return this.readNow()
  }

  /** The same, where it is there without waiting. */
  readNow(): Uint8Array | undefined {
    if (this.left === 0 || this.cursor.available === 0) return undefined
    const piece = this.cursor.take(this.left)
    this.left -= piece.length
    return piece
  }

  /** The contents of the current entry: for a sparse file its data without the holes. */
  async *contents(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const piece = await this.read()
      if (piece === undefined) return
      yield piece
    }
  }

  /** Tells the source that no more will be read. */
  async close(): Promise<void> {
    await this.cursor.close()
  }

  private async waitForNext(): Promise<TarHeader | undefined> {
    const contents = this.left
    const passed = await this.cursor.pass(contents + this.padding)
    this.left = this.padding = 0
    if (passed < contents) throw this.truncated('the contents of a file are cut off')
    for (;;) {
      const found = this.parseIfThere()
      if (found === 'end') break
      if (found !== 'wait') return found
      await this.cursor.grow()
    }
    await this.cursor.drain()
    return undefined
  }

  /** Parses from here, or goes back to here. */
  private parseIfThere(): TarHeader | 'end' | 'wait' {
    const start = this.cursor.position
    try {
      return this.parse()
    } catch (error) {
      if (error !== NOT_YET) throw error
      this.cursor.rewind(start)
      return 'wait'
    }
  }

  private parse(): TarHeader | 'end' {
    const start = this.cursor.position
    const before: Extensions = {
      pax: this.global === undefined ? undefined : new Map(this.global),
      global: undefined,
      longPath: undefined,
      longLink: undefined,
      any: false,
    }
    for (;;) {
      const block = this.take(BLOCK)
      if (block.length === 0 || isEnd(block)) {
        this.checkEnd(block, before)
        return 'end'
      }
      if (block.length < BLOCK) throw this.truncated('a header is cut off')
      const header = parseHeader(block)
      if (!this.extend(header, before)) return this.entry(header, block, before)
      if (this.cursor.position - start > 4 * this.limits.headerBytes)
        throw new TarError('limit', 'too many extended headers', header.path)
    }
  }

  /** `length` bytes; fewer only at the end. */
  private take(length: number): Buffer {
    if (this.cursor.available < length && !this.cursor.ended) throw NOT_YET
    return this.cursor.take(length)
  }

  /** Two zero blocks, or the source's own end, which many writers take for one. */
  private checkEnd(block: Buffer, before: Extensions): void {
    if (before.any) throw this.truncated('it ends behind an extended header')
    if (block.length === 0) return
    const second = this.take(BLOCK)
    if (second.length === BLOCK && !isZeroBlock(second))
      throw new TarError('malformed', 'a zero block stands among the headers')
    // Asked again, it says the same: what stands behind the end is nobody's.
    this.cursor.rewind(this.cursor.position - BLOCK - second.length)
  }

  /** Takes in a header that only says something about the next; false for an entry's own. */
  private extend(header: HeaderBlock, before: Extensions): boolean {
    switch (header.typeflag) {
      // Solaris wrote its extended headers as 'X'.
      case 'x':
      case 'X':
        parsePax(this.body(header), (before.pax ??= new Map<string, Buffer>()))
        break
      case 'g': {
        const body = this.body(header)
        parsePax(body, (before.global ??= new Map(this.global)))
        parsePax(body, (before.pax ??= new Map<string, Buffer>()))
        return true
      }
      case 'L':
        before.longPath = cString(this.body(header))
        break
      case 'K':
        before.longLink = cString(this.body(header))
        break
      // A volume's label is nobody's file.
      case 'V':
        this.body(header)
        return true
      default:
        return false
    }
    before.any = true
    return true
  }

  private body({ size, path }: HeaderBlock): Buffer {
    if (size < 0) throw new TarError('malformed', 'a size is negative', path)
    if (size > this.limits.headerBytes)
      throw new TarError('limit', `an extended header has ${size} bytes`, path)
    const whole = this.take(size + paddingOf(size))
    if (whole.length < size + paddingOf(size))
      throw this.truncated('an extended header is cut off')
    return whole.subarray(0, size)
  }

  private entry(header: HeaderBlock, block: Buffer, before: Extensions): TarHeader {
    const made = assembleHeader(header, block, {
      pax: before.pax ?? NO_RECORDS,
      longPath: before.longPath,
      longLink: before.longLink,
    })
    this.checkLimits(made)
    const { runs, bytes } = this.named(made.path, () => this.sparseOf(made, block))
    const storedSize = made.storedSize - bytes
    const sparse =
      runs === undefined
        ? undefined
        : this.named(made.path, () => checkedMap(runs, made.size, storedSize))
    // Nothing can be missing from here on: what was read counts.
    this.current = made.path
    this.entries++
    this.total += storedSize
    this.global = before.global ?? this.global
    this.left = storedSize
    this.padding = paddingOf(made.storedSize)
    made.header.dataOffset = this.cursor.position
    made.header.storedSize = storedSize
    if (sparse !== undefined) made.header.sparse = sparse
    return made.header
  }

  /** The runs of a sparse file, and the bytes that a map in front of its contents takes. */
  private sparseOf(
    { map, storedSize }: Assembled,
    block: Buffer,
  ): { runs: readonly SparseRun[] | undefined; bytes: number } {
    const limit = this.limits.headerBytes
    const take = (): Buffer => this.take(BLOCK)
    if (map === 'old') return { runs: readOldMap(block, take, limit), bytes: 0 }
    if (map === 'leading') return readLeadingMap(take, storedSize, limit)
    return { runs: map, bytes: 0 }
  }

  /** Runs what may refuse an entry without knowing its name. */
  private named<Result>(path: string, work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof TarError)) throw error
      throw new TarError(error.code, error.message, path)
    }
  }

  private checkLimits({ path, linkname, size, storedSize }: Assembled): void {
    const { limits } = this
    const tooMuch = (what: string): TarError => new TarError('limit', what, path)
    if (this.entries >= limits.entries)
      throw tooMuch(`there are more than ${limits.entries} entries`)
    if (path.length > limits.pathBytes) throw tooMuch('its name is longer than allowed')
    if (linkname.length > limits.pathBytes)
      throw tooMuch('its target is longer than allowed')
    if (size > limits.fileBytes) throw tooMuch(`it would have ${size} bytes`)
    if (this.total + storedSize > limits.totalBytes)
      throw tooMuch(`the files are larger than ${limits.totalBytes} bytes together`)
  }

  private truncated(what: string): TarError {
    return new TarError('truncated', what, this.current === '' ? undefined : this.current)
  }
}

/** Bytes that fill the last block of so many. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

function isEnd(block: Buffer): boolean {
  return block.length === BLOCK && isZeroBlock(block)
}

/** GNU's long names end with a NUL. */
function cString(body: Buffer): string {
  const end = body.indexOf(0)
  return body.latin1Slice(0, end < 0 ? body.length : end)
}
