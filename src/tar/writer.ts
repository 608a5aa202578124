// Writes a tar stream: ustar where it fits, PAX where it does not. The same entries give the same
// bytes: records are sorted, and nothing of this machine or this moment goes in.
import type { TarHeader } from './entry.js'
import { BLOCK, FIELD, sumOf } from './header.js'
import { fitsOctal, formatTime } from './numbers.js'
import { formatPax, XATTR_KEY } from './pax.js'

/** What an entry is written from; `size` with holes, `storedSize` is found by itself. */
export type TarEntry = Omit<TarHeader, 'dataOffset' | 'storedSize'>

const TYPEFLAGS = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
} as const

const END = Buffer.alloc(2 * BLOCK)

export class TarWriter {
  /** Contents that the current entry still wants. */
  private missing = 0
  private padding = 0

  /**
   * The bytes that begin an entry; `storedSize` bytes of contents have to follow through `data`
   * (of a sparse file its runs alone). An access or change time is written where it is given.
   */
  header(entry: TarEntry): Buffer {
    const filler = this.finish()
    const map = entry.sparse === undefined ? NOTHING : leadingMap(entry)
    const data = storedSize(entry)
    const stored = map.length + data
    const records = recordsOf(entry, stored)
    const parts: Buffer[] = [filler]
    if (records.size > 0) parts.push(...extended(entry, records))
    parts.push(block(entry, stored), map)
    this.missing = data
    this.padding = (BLOCK - (stored % BLOCK)) % BLOCK
    return Buffer.concat(parts)
  }

  /** Counts a piece of contents, and hands it back. */
  data(piece: Uint8Array): Uint8Array {
    this.missing -= piece.length
    if (this.missing < 0) throw new RangeError('more contents than the header said')
    return piece
  }

  /** The bytes that end the archive. */
  end(): Buffer {
    return Buffer.concat([this.finish(), END])
  }

  private finish(): Buffer {
    if (this.missing !== 0)
      throw new RangeError(`${this.missing} bytes of contents missing`)
    const filler = Buffer.alloc(this.padding)
    this.padding = 0
    return filler
  }
}

const NOTHING = Buffer.alloc(0)

function storedSize({ type, size, sparse }: TarEntry): number {
  if (type !== 'file') return 0
  return sparse === undefined ? size : sparse.reduce((sum, run) => sum + run.length, 0)
}

/** GNU's sparse form 1.0: the map stands before the contents. */
function leadingMap({ sparse = [] }: TarEntry): Buffer {
  const numbers = sparse.flatMap(run => [run.offset, run.length])
  const text = Buffer.from([sparse.length, ...numbers, ''].join('\n'))
  return Buffer.concat([text, Buffer.alloc((BLOCK - (text.length % BLOCK)) % BLOCK)])
}

/** The records for what the header block cannot hold. */
function recordsOf(entry: TarEntry, stored: number): Map<string, Uint8Array> {
  const records = new Map<string, string>([
    ...sparseRecords(entry),
    ...nameRecords(entry),
    ...timeRecords(entry),
  ])
  const numbers = { size: stored, uid: entry.uid, gid: entry.gid }
  for (const key of ['size', 'uid', 'gid'] as const)
    if (!fitsOctal(numbers[key], FIELD[key][1])) records.set(key, String(numbers[key]))
  for (const key of ['devmajor', 'devminor'] as const)
    if (!fitsOctal(entry[key], FIELD[key][1]))
      records.set(`SCHILY.${key}`, String(entry[key]))
  const values = new Map<string, Uint8Array>()
  for (const [key, text] of records) values.set(key, Buffer.from(text, 'latin1'))
  for (const [name, value] of entry.xattrs) values.set(XATTR_KEY + name, value)
  return values
}

type Records = (readonly [key: string, value: string])[]

function sparseRecords({ sparse, path, size }: TarEntry): Records {
  if (sparse === undefined) return []
  return [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', path],
    ['GNU.sparse.realsize', String(size)],
  ]
}

function nameRecords({ path, linkname, uname, gname, sparse }: TarEntry): Records {
  const records: Records = []
  if (sparse === undefined && splitPath(path) === undefined) records.push(['path', path])
  if (!isPlain(linkname, FIELD.linkname[1])) records.push(['linkpath', linkname])
  if (!isPlain(uname, FIELD.uname[1] - 1)) records.push(['uname', uname])
  if (!isPlain(gname, FIELD.gname[1] - 1)) records.push(['gname', gname])
  return records
}

function timeRecords({ mtime, atime, ctime }: TarEntry): Records {
  const records: Records = []
  if (mtime.nsec !== 0 || !fitsOctal(mtime.sec, FIELD.mtime[1]))
    records.push(['mtime', formatTime(mtime)])
  if (atime !== undefined) records.push(['atime', formatTime(atime)])
  if (ctime !== undefined) records.push(['ctime', formatTime(ctime)])
  return records
}

/** Fits a field of so many bytes, and means the same in every locale. */
function isPlain(text: string, length: number): boolean {
  return text.length <= length && /^[\x20-\x7e]*$/.test(text)
}

/** The name and prefix fields of a path; undefined where it needs a record. */
function splitPath(path: string): { name: string; prefix: string } | undefined {
  const [, nameLength] = FIELD.name
  const [, prefixLength] = FIELD.prefix
  if (isPlain(path, nameLength)) return { name: path, prefix: '' }
  if (!isPlain(path, nameLength + 1 + prefixLength)) return undefined
  const slash = path.indexOf('/', Math.max(path.length - nameLength - 1, 1))
  if (slash < 0 || slash > prefixLength || slash === path.length - 1) return undefined
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

/** An extended header: a block of its own, and the records. */
function extended(
  entry: TarEntry,
  records: ReadonlyMap<string, Uint8Array>,
): readonly Buffer[] {
  const body = formatPax(records)
  const base = entry.path.replace(/\/+$/, '').split('/').pop() ?? ''
  const name = `PaxHeaders.0/${base}`.replace(/[^\x20-\x7e]/g, '_').slice(0, 100)
  const made = Buffer.alloc(BLOCK)
  put(made, 'name', name)
  fill(made, { mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0 }, 'x')
  return [made, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]
}

/** The entry's own block. What did not fit is in the records, and here cut off or 0. */
function block(entry: TarEntry, stored: number): Buffer {
  const made = Buffer.alloc(BLOCK)
  const split = splitPath(entry.path)
  put(made, 'name', split?.name ?? asciiName(entry.path, FIELD.name[1]))
  put(made, 'prefix', split?.prefix ?? '')
  put(made, 'linkname', asciiName(entry.linkname, FIELD.linkname[1]))
  put(made, 'uname', asciiName(entry.uname, FIELD.uname[1] - 1))
  put(made, 'gname', asciiName(entry.gname, FIELD.gname[1] - 1))
  octal(made, 'devmajor', entry.devmajor)
  octal(made, 'devminor', entry.devminor)
  const { mode, uid, gid } = entry
  const numbers = { mode, uid, gid, size: stored, mtime: entry.mtime.sec }
  return fill(made, numbers, TYPEFLAGS[entry.type])
}

/** What readers see that know no PAX. */
function asciiName(text: string, length: number): string {
  return text.replace(/[^\x20-\x7e]/g, '_').slice(0, length)
}

interface Numbers {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
}

function fill(made: Buffer, numbers: Numbers, typeflag: string): Buffer {
  for (const key of ['mode', 'uid', 'gid', 'size', 'mtime'] as const)
    octal(made, key, numbers[key])
  put(made, 'typeflag', typeflag)
  put(made, 'magic', 'ustar\x0000')
  const sum = sumOf(made).toString(8).padStart(6, '0')
  put(made, 'checksum', `${sum}\0 `)
  return made
}

function octal(made: Buffer, field: keyof typeof FIELD, value: number): void {
  const [, length] = FIELD[field]
  const fits = fitsOctal(value, length) ? value : 0
  put(made, field, fits.toString(8).padStart(length - 1, '0'))
}

function put(made: Buffer, field: keyof typeof FIELD, text: string): void {
  made.latin1Write(text, FIELD[field][0], FIELD[field][1])
}
