// Tar archives written byte by byte, the ones that no tar program would write among them. Shares
// no code with the product: what is wrong in both would go unseen. Names are one character a byte.

const BLOCK = 512

/** One entry, or a block that only looks like one. Everything has an ordinary default. */
export interface TarPiece {
  readonly path: string
  /** The type flag: '0' file, '1' link, '2' symlink, '3' char, '4' block, '5' directory, '6' FIFO. */
  readonly flag?: string
  readonly data?: string | Buffer
  /** What the header says, where it is not the length of the data. */
  readonly size?: number
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: number
  readonly link?: string
  readonly major?: number
  readonly minor?: number
  /** Records of an extended header in front of it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>
  readonly magic?: 'ustar' | 'gnu' | 'v7'
  /** Last changes to the header block, before its checksum. */
  readonly edit?: (block: Buffer) => void
}

/** An archive with its end. */
export function makeTar(...pieces: readonly (TarPiece | Buffer)[]): Buffer {
  return Buffer.concat([...pieces.map(entryOf), Buffer.alloc(2 * BLOCK)])
}

/** The bytes of one entry: extended header, header, contents, filler. */
export function entryOf(piece: TarPiece | Buffer): Buffer {
  if (Buffer.isBuffer(piece)) return piece
  const data = bytes(piece.data ?? '')
  const own = Buffer.concat([header(piece, piece.size ?? data.length), filled(data)])
  if (piece.pax === undefined) return own
  const records = paxRecords(piece.pax)
  return Buffer.concat([entryOf({ path: 'PaxHeaders/x', flag: 'x', data: records }), own])
}

export const file = (
  path: string,
  data = '',
  more: Partial<TarPiece> = {},
): TarPiece => ({
  path,
  data,
  ...more,
})

export const directory = (path: string, more: Partial<TarPiece> = {}): TarPiece => ({
  path,
  flag: '5',
  mode: 0o755,
  ...more,
})

export const symlink = (
  path: string,
  link: string,
  more: Partial<TarPiece> = {},
): TarPiece => ({ path, link, flag: '2', ...more })

export const hardlink = (
  path: string,
  link: string,
  more: Partial<TarPiece> = {},
): TarPiece => ({ path, link, flag: '1', ...more })

export function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => paxRecord(key, bytes(value))),
  )
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([
    Buffer.from(` ${key}=`, 'latin1'),
    value,
    Buffer.from('\n'),
  ])
  for (let length = rest.length + 1; ; length++) {
    const text = String(length)
    if (text.length + rest.length === length)
      return Buffer.concat([Buffer.from(text), rest])
  }
}

function header(piece: TarPiece, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const magic = piece.magic ?? 'ustar'
  block.write(piece.path, 0, 100, 'latin1')
  number(block, 100, 8, piece.mode ?? 0o644)
  number(block, 108, 8, piece.uid ?? 0)
  number(block, 116, 8, piece.gid ?? 0)
  number(block, 124, 12, size)
  number(block, 136, 12, piece.mtime ?? 1_000_000_000)
  block.write(piece.flag ?? '0', 156, 1, 'latin1')
  block.write(piece.link ?? '', 157, 100, 'latin1')
  if (magic !== 'v7') {
    block.write(magic === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 8, 'latin1')
    number(block, 329, 8, piece.major ?? 0)
    number(block, 337, 8, piece.minor ?? 0)
  }
  piece.edit?.(block)
  return sealed(block)
}

/** Octal; base-256 where the digits do not suffice. */
function number(block: Buffer, at: number, length: number, value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    block.write(value.toString(8).padStart(length - 1, '0'), at, length, 'latin1')
    return
  }
  let rest = BigInt(value)
  for (let i = length - 1; i >= 0; i--) {
    block[at + i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  block[at] = ((block[at] ?? 0) & 0x7f) | 0x80
}

/** With the checksum that it needs. */
function sealed(block: Buffer): Buffer {
  block.write(' '.repeat(8), 148, 8, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1')
  return block
}

function filled(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)])
}

function bytes(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value
}
