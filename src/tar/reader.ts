// Reads a tar stream entry by entry: V7, ustar, PAX, GNU and star. Pulls: contents are read or
// passed over before the next entry. Touches no filesystem, trusts nothing, and keeps nothing of
// an entry once it has been handed out, so that memory stays flat.
import { ByteCursor } from '../bytes/byte-cursor.js'
import type { ByteSource } from '../bytes/byte-source.js'
import { type Assembled, assembleHeader } from './assemble-header.js'
import type { TarHeader } from './entry.js'
import { BLOCK, isZeroBlock, parseHeader, type HeaderBlock } from './header.js'
import { defaultTarLimits, type TarLimits } from './limits.js'
import { parsePax, type PaxRecords } from './pax.js'
import { checkedMap, readLeadingMap, readOldMap } from './sparse.js'
import { TarError } from './tar-error.js'

/** What stands before an entry's own header and changes it. */
interface Extensions {
  readonly pax: PaxRecords
  /** GNU's 'L' and 'K': names that are too long for the header. */
  longPath: string | undefined
  longLink: string | undefined
  /** Whether there was any: an archive may not end behind one. */
  any: boolean
}

export class TarReader {
  private readonly cursor: ByteCursor
  private readonly limits: TarLimits
  /** Records that hold for every entry to come ('g'). */
  private readonly global: PaxRecords = new Map()
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

  /**
   * The next entry; undefined at the end, when the source has been read to its end as well.
   * Contents of the current entry that nobody read are passed over.
   * @throws TarError for an archive that is malformed, cut off, or larger than allowed.
   */
  async next(): Promise<TarHeader | undefined> {
    await this.finishEntry()
    const before: Extensions = {
      pax: new Map(this.global),
      longPath: undefined,
      longLink: undefined,
      any: false,
    }
    for (;;) {
      const block = this.cursor.takeNow(BLOCK) ?? (await this.cursor.take(BLOCK))
      if (block.length === 0 || isEnd(block)) return this.end(block, before)
      if (block.length < BLOCK) throw this.truncated('a header is cut off')
      const header = parseHeader(block)
      if (await this.extend(header, before)) continue
      return this.entry(header, block, before)
    }
  }

  /** A piece of the current entry's contents, valid until the next call; undefined at their end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.left === 0) return undefined
    return this.readNow() ?? this.took(await this.cursor.some(this.left))
  }

  /** The same, where it is there without waiting. */
  readNow(): Uint8Array | undefined {
    if (this.left === 0) return undefined
    const piece = this.cursor.someNow(this.left)
    return piece.length === 0 ? undefined : this.took(piece)
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

  private took(piece: Buffer): Uint8Array {
    if (piece.length === 0) throw this.truncated('the contents of a file are cut off')
    this.left -= piece.length
    return piece
  }

  private async finishEntry(): Promise<void> {
    const rest = this.left + this.padding
    if (rest === 0) return
    const contents = this.left
    this.left = this.padding = 0
    const skipped = await this.cursor.skip(rest)
    if (skipped < contents) throw this.truncated('the contents of a file are cut off')
  }

  /** Two zero blocks, or the source's own end, which many writers take for one. */
  private async end(block: Buffer, before: Extensions): Promise<undefined> {
    if (before.any) throw this.truncated('it ends behind an extended header')
    if (block.length === BLOCK) {
      const second = await this.cursor.take(BLOCK)
      if (second.length === BLOCK && !isZeroBlock(second))
        throw new TarError('malformed', 'a zero block stands among the headers')
      await this.cursor.drain()
    }
    return undefined
  }

  /** Takes in a header that only says something about the next; false for an entry's own. */
  private async extend(header: HeaderBlock, before: Extensions): Promise<boolean> {
    switch (header.typeflag) {
      // Solaris wrote its extended headers as 'X'.
      case 'x':
      case 'X':
        parsePax(await this.body(header), before.pax)
        break
      case 'g': {
        const body = await this.body(header)
        parsePax(body, this.global)
        parsePax(body, before.pax)
        return true
      }
      case 'L':
        before.longPath = cString(await this.body(header))
        break
      case 'K':
        before.longLink = cString(await this.body(header))
        break
      // A volume's label is nobody's file.
      case 'V':
        await this.body(header)
        return true
      default:
        return false
    }
    before.any = true
    return true
  }

  private async body({ size, path }: HeaderBlock): Promise<Buffer> {
    if (size < 0) throw new TarError('malformed', 'a size is negative', path)
    if (size > this.limits.headerBytes)
      throw new TarError('limit', `an extended header has ${size} bytes`, path)
    const body = Buffer.from(await this.cursor.take(size))
    const filled = await this.cursor.skip(paddingOf(size))
    if (body.length < size || filled < paddingOf(size))
      throw this.truncated('an extended header is cut off')
    return body
  }

  private async entry(
    header: HeaderBlock,
    block: Buffer,
    before: Extensions,
  ): Promise<TarHeader> {
    // Reading a map makes the block invalid.
    const kept = header.typeflag === 'S' ? Buffer.from(block) : block
    const made = assembleHeader(header, kept, before)
    this.current = made.path
    this.checkLimits(made)
    let { storedSize } = made
    this.left = storedSize
    this.padding = paddingOf(storedSize)
    if (made.map === undefined)
      return { ...made.header, dataOffset: this.cursor.position, storedSize }
    const { runs, bytes } = await this.named(() => this.mapOf(made.map ?? 'old', kept))
    storedSize -= bytes
    this.left = storedSize
    const sparse = await this.named(() => checkedMap(runs, made.size, storedSize))
    return { ...made.header, sparse, dataOffset: this.cursor.position, storedSize }
  }

  private async mapOf(
    map: 'old' | 'leading' | readonly { offset: number; length: number }[],
    block: Buffer,
  ): Promise<{ runs: readonly { offset: number; length: number }[]; bytes: number }> {
    const limit = this.limits.headerBytes
    if (map === 'old')
      return { runs: await readOldMap(block, this.cursor, limit), bytes: 0 }
    if (map === 'leading') return readLeadingMap(this.cursor, this.left, limit)
    return { runs: map, bytes: 0 }
  }

  /** Runs what may refuse the current entry without knowing its name. */
  private async named<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof TarError)) throw error
      throw new TarError(error.code, error.message, this.current)
    }
  }

  private checkLimits({ path, linkname, size, storedSize }: Assembled): void {
    const { limits } = this
    const tooMuch = (what: string): TarError => new TarError('limit', what, path)
    if (++this.entries > limits.entries)
      throw tooMuch(`there are more than ${limits.entries} entries`)
    if (path.length > limits.pathBytes) throw tooMuch('its name is longer than allowed')
    if (linkname.length > limits.pathBytes)
      throw tooMuch('its target is longer than allowed')
    if (size > limits.fileBytes) throw tooMuch(`it would have ${size} bytes`)
    this.total += storedSize
    if (this.total > limits.totalBytes)
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
