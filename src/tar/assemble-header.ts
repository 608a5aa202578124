// Puts one entry together from its header block and what was said before it: PAX records stand
// over GNU's long names, those over the block. Pure.
import type { SparseRun, TarHeader, TarTime, TarType } from './entry.js'
import { FIELD, type HeaderBlock } from './header.js'
import { parseDecimal, parseField, parseTime } from './numbers.js'
import { type PaxRecords, XATTR_KEY } from './pax.js'
import { parseListedMap } from './sparse.js'
import { TarError } from './tar-error.js'

/** What came before the header. */
export interface Preceding {
  readonly pax: PaxRecords
  readonly longPath: string | undefined
  readonly longLink: string | undefined
}

/** A header whose last three fields the reader fills in: copying it would cost more than reading. */
export type UnplacedHeader = Omit<TarHeader, 'dataOffset' | 'storedSize' | 'sparse'> & {
  dataOffset: number
  storedSize: number
  sparse?: readonly SparseRun[]
}

/** An entry, but for what only the stream tells: where its contents begin, and its sparse map. */
export interface Assembled {
  readonly header: UnplacedHeader
  readonly path: string
  readonly linkname: string
  readonly size: number
  /** Bytes that follow in the stream, a leading map among them. */
  readonly storedSize: number
  /** Where the sparse map is; undefined for a file without one. */
  readonly map: 'old' | 'leading' | readonly SparseRun[] | undefined
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()

/** The entry. Raises TarError `malformed` or `unsupported`, with the entry's name. */
export function assembleHeader(
  block: HeaderBlock,
  raw: Buffer,
  before: Preceding,
): Assembled {
  const path = pathOf(block, before)
  try {
    return assemble(block, raw, before, path)
  } catch (error) {
    if (!(error instanceof TarError)) throw error
    throw new TarError(error.code, error.message, path)
  }
}

function assemble(
  block: HeaderBlock,
  raw: Buffer,
  { pax, longLink }: Preceding,
  path: string,
): Assembled {
  const linkname = textOf(pax, 'linkpath') ?? longLink ?? block.linkname
  if (path.includes('\0') || linkname.includes('\0'))
    throw new TarError('malformed', 'a NUL stands in a name')
  const type = typeOf(block, path)
  const sizes = sizesOf(block, raw, pax, type)
  const header = {
    path,
    type,
    mode: block.mode,
    ...ownerOf(block, pax),
    size: sizes.size,
    ...timesOf(block, pax),
    linkname,
    devmajor: decimalOf(pax, 'SCHILY.devmajor') ?? block.devmajor,
    devminor: decimalOf(pax, 'SCHILY.devminor') ?? block.devminor,
    xattrs: xattrsOf(pax),
    dataOffset: 0,
    storedSize: 0,
  }
  return { header, path, linkname, ...sizes }
}

/** Only files have contents; what others say of their size counts for nothing, as in GNU tar. */
function sizesOf(
  block: HeaderBlock,
  raw: Buffer,
  pax: PaxRecords,
  type: TarType,
): Pick<Assembled, 'size' | 'storedSize' | 'map'> {
  const stored = decimalOf(pax, 'size') ?? block.size
  if (stored < 0) throw new TarError('malformed', 'its size is negative')
  if (type !== 'file')
    // GNU's 'D' lists the names of its directory.
    return { size: 0, storedSize: block.typeflag === 'D' ? stored : 0, map: undefined }
  const map = mapOf(block, pax)
  const size = map === undefined ? stored : realSize(raw, map, pax)
  if (size < 0) throw new TarError('malformed', 'its size is negative')
  return { size, storedSize: stored, map }
}

function ownerOf(
  block: HeaderBlock,
  pax: PaxRecords,
): Pick<TarHeader, 'uid' | 'gid' | 'uname' | 'gname'> {
  return {
    uid: decimalOf(pax, 'uid') ?? block.uid,
    gid: decimalOf(pax, 'gid') ?? block.gid,
    uname: textOf(pax, 'uname') ?? block.uname,
    gname: textOf(pax, 'gname') ?? block.gname,
  }
}

function timesOf(
  block: HeaderBlock,
  pax: PaxRecords,
): Pick<TarHeader, 'mtime' | 'atime' | 'ctime'> {
  const atime = timeOf(pax, 'atime') ?? block.atime
  const ctime = timeOf(pax, 'ctime') ?? block.ctime
  return {
    mtime: timeOf(pax, 'mtime') ?? block.mtime,
    ...(atime === undefined ? {} : { atime }),
    ...(ctime === undefined ? {} : { ctime }),
  }
}

function pathOf(block: HeaderBlock, { pax, longPath }: Preceding): string {
  return textOf(pax, 'GNU.sparse.name') ?? textOf(pax, 'path') ?? longPath ?? block.path
}

/** '0', NUL and '7' (contiguous) are files; a V7 name that ends in a slash is a directory's. */
function typeOf({ typeflag, dialect }: HeaderBlock, path: string): TarType {
  switch (typeflag) {
    case '0':
    case '\0':
    case '7':
      return dialect === 'v7' && path.endsWith('/') ? 'directory' : 'file'
    case 'S':
      return 'file'
    case '1':
      return 'link'
    case '2':
      return 'symlink'
    case '3':
      return 'char'
    case '4':
      return 'block'
    case '5':
    case 'D':
      return 'directory'
    case '6':
      return 'fifo'
    default:
      throw new TarError('unsupported', `it is of an unknown type '${typeflag}'`)
  }
}

function mapOf(
  block: HeaderBlock,
  pax: PaxRecords,
): 'old' | 'leading' | readonly SparseRun[] | undefined {
  if (block.typeflag === 'S') return 'old'
  if (textOf(pax, 'GNU.sparse.major') === '1' && textOf(pax, 'GNU.sparse.minor') === '0')
    return 'leading'
  const listed = textOf(pax, 'GNU.sparse.map')
  return listed === undefined ? undefined : parseListedMap(listed)
}

/** The size with holes, which each form says in another place. */
function realSize(
  raw: Buffer,
  map: 'old' | 'leading' | readonly SparseRun[],
  pax: PaxRecords,
): number {
  if (map === 'old') return parseField(raw, ...FIELD.gnuRealSize, 'sparse size')
  const size = decimalOf(pax, 'GNU.sparse.realsize') ?? decimalOf(pax, 'GNU.sparse.size')
  if (size === undefined) throw new TarError('malformed', 'a sparse file has no size')
  return size
}

function xattrsOf(pax: PaxRecords): ReadonlyMap<string, Uint8Array> {
  let found: Map<string, Uint8Array> | undefined
  for (const [key, value] of pax) {
    if (!key.startsWith(XATTR_KEY)) continue
    const name = key.slice(XATTR_KEY.length)
    if (name === '' || name.includes('\0'))
      throw new TarError('malformed', 'an extended attribute has no name that can be')
    found ??= new Map()
    found.set(name, value)
  }
  return found ?? NO_XATTRS
}

/** A record's value as text; one that is empty takes the record back (pax, "value"). */
function textOf(pax: PaxRecords, key: string): string | undefined {
  const value = pax.size === 0 ? undefined : pax.get(key)
  return value === undefined || value.length === 0 ? undefined : value.latin1Slice()
}

function decimalOf(pax: PaxRecords, key: string): number | undefined {
  const text = textOf(pax, key)
  return text === undefined ? undefined : parseDecimal(text, key)
}

function timeOf(pax: PaxRecords, key: string): TarTime | undefined {
  const text = textOf(pax, key)
  return text === undefined ? undefined : parseTime(text, key)
}
