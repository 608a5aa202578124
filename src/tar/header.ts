// One header block of 512 bytes: V7, ustar (POSIX.1-1988), GNU's and star's forms of it. Decodes
// fields alone; what an entry is in the end is put together by the reader.
import type { TarTime } from './entry.js'
import { parseField } from './numbers.js'
import { TarError } from './tar-error.js'

export const BLOCK = 512

export type TarDialect = 'v7' | 'ustar' | 'gnu' | 'star'

/** Offset and length of each field; the POSIX ones first, then what GNU and star put elsewhere. */
export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeflag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
  starPrefix: [345, 131],
  starAtime: [476, 12],
  starCtime: [488, 12],
  starTrailer: [508, 4],
  gnuAtime: [345, 12],
  gnuCtime: [357, 12],
  gnuRealSize: [483, 12],
} as const satisfies Record<string, readonly [number, number]>

/** The fields of one block as they stand there. */
export interface HeaderBlock {
  readonly dialect: TarDialect
  readonly typeflag: string
  readonly path: string
  readonly linkname: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: TarTime
  readonly atime: TarTime | undefined
  readonly ctime: TarTime | undefined
  readonly uname: string
  readonly gname: string
  readonly devmajor: number
  readonly devminor: number
}

/** Whether a block is all zeros: half of an archive's end. */
export function isZeroBlock(block: Buffer): boolean {
  if (block[0] !== 0) return false
  for (let at = 1; at < BLOCK; at++) if (block[at] !== 0) return false
  return true
}

/** Decodes a block. Raises TarError `malformed` where its checksum or a number is wrong. */
export function parseHeader(block: Buffer): HeaderBlock {
  const path = text(block, FIELD.name)
  try {
    checkChecksum(block)
    return decode(block, path)
  } catch (error) {
    if (!(error instanceof TarError)) throw error
    throw new TarError(error.code, error.message, error.entry ?? path)
  }
}

function decode(block: Buffer, name: string): HeaderBlock {
  const dialect = dialectOf(block)
  const posix = dialect !== 'v7'
  const typeflag = String.fromCharCode(block[FIELD.typeflag[0]] ?? 0)
  // Others leave anything at all in the device fields.
  const device = posix && (typeflag === '3' || typeflag === '4')
  return {
    dialect,
    typeflag,
    path: withPrefix(block, dialect, name),
    linkname: text(block, FIELD.linkname),
    mode: number(block, FIELD.mode, 'mode') & 0o7777,
    uid: number(block, FIELD.uid, 'uid'),
    gid: number(block, FIELD.gid, 'gid'),
    size: number(block, FIELD.size, 'size'),
    mtime: { sec: number(block, FIELD.mtime, 'mtime'), nsec: 0 },
    atime: moment(block, dialect, FIELD.gnuAtime, FIELD.starAtime),
    ctime: moment(block, dialect, FIELD.gnuCtime, FIELD.starCtime),
    uname: posix ? text(block, FIELD.uname) : '',
    gname: posix ? text(block, FIELD.gname) : '',
    devmajor: device ? number(block, FIELD.devmajor, 'device number') : 0,
    devminor: device ? number(block, FIELD.devminor, 'device number') : 0,
  }
}

function dialectOf(block: Buffer): TarDialect {
  const magic = block.latin1Slice(FIELD.magic[0], FIELD.magic[0] + FIELD.magic[1])
  if (magic === 'ustar  \0') return 'gnu'
  if (!magic.startsWith('ustar')) return 'v7'
  const [at, length] = FIELD.starTrailer
  return block.latin1Slice(at, at + length) === 'tar\0' ? 'star' : 'ustar'
}

function withPrefix(block: Buffer, dialect: TarDialect, name: string): string {
  if (dialect !== 'ustar' && dialect !== 'star') return name
  const prefix = text(block, dialect === 'star' ? FIELD.starPrefix : FIELD.prefix)
  return prefix === '' ? name : `${prefix}/${name}`
}

/** The access or change time, where the dialect has one and the archiver filled it in. */
function moment(
  block: Buffer,
  dialect: TarDialect,
  gnu: readonly [number, number],
  star: readonly [number, number],
): TarTime | undefined {
  if (dialect !== 'gnu' && dialect !== 'star') return undefined
  const [at, length] = dialect === 'gnu' ? gnu : star
  if (block[at] === 0) return undefined
  return { sec: parseField(block, at, length, 'time'), nsec: 0 }
}

/** The field's bytes up to its first NUL. */
function text(block: Buffer, [at, length]: readonly [number, number]): string {
  if (block[at] === 0) return ''
  const end = block.indexOf(0, at)
  return block.latin1Slice(at, end < 0 || end > at + length ? at + length : end)
}

function number(
  block: Buffer,
  [at, length]: readonly [number, number],
  what: string,
): number {
  return parseField(block, at, length, what)
}

/** The sum of all bytes, the checksum itself counted as spaces; signed sums are old mistakes. */
function checkChecksum(block: Buffer): void {
  const [at, length] = FIELD.checksum
  const said = parseField(block, at, length, 'checksum')
  if (said === sumOf(block)) return
  let signed = 0
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= at && i < at + length ? 0x20 : (block[i] ?? 0)
    signed += byte < 0x80 ? byte : byte - 0x100
  }
  if (said !== signed)
    throw new TarError('malformed', 'the checksum of a header is wrong')
}

/** The checksum that a block should have. */
export function sumOf(block: Buffer): number {
  const [at, length] = FIELD.checksum
  let sum = length * 0x20
  for (let i = 0; i < at; i++) sum += block[i] ?? 0
  for (let i = at + length; i < BLOCK; i++) sum += block[i] ?? 0
  return sum
}
