// Streams in which nothing can be reached without decoding all that stands before: they are
// decoded into the store first, and read from there.
import * as fs from 'node:fs'
import { InOrder } from '../../bytes/random-source.js'
import { emptyPoints, largestGap, type SeekPoints } from '../../compress/seek-points.js'
import {
  identityOfFile,
  openPlace,
  type TarPlace,
} from '../../layer/archive-layer/tar-place.js'
import { ImageError } from '../model/errors.js'
import type { Progress } from '../progress.js'
import { temporaryOf } from '../store/replace-file.js'
import { nodePath } from '../store/store-place.js'
import { recorded } from './index-layer.js'

/** Bytes that are decoded for one read at most: what takes some 50 ms. */
const MOST = 16 * 1024 * 1024
const PACKED_PIECE = 256 * 1024

export interface UnpackedTo {
  /** What messages call the stream. */
  readonly what: string
  /** Where it goes, bytes; whoever finds it there with the right size takes it as it is. */
  readonly path: string
  readonly progress: Progress
}

/** Where a stream's plain bytes are: in itself, through its points, or in a file of the store. */
export async function plainPlace(
  packed: TarPlace,
  points: SeekPoints,
  to: UnpackedTo,
): Promise<TarPlace> {
  if (points.compression === 'none') return packed
  if (largestGap(points) <= MOST)
    return { ...packed, steps: [...packed.steps, { kind: 'unpack', points }] }
  try {
    return placeOfFile(to.path, points.size) ?? (await unpack(packed, points, to))
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new ImageError(
      'store',
      `${to.what} has to be unpacked to the store first: ${error.message}; name a store that can be written with --root`,
      {},
      error,
    )
  }
}

async function unpack(
  packed: TarPlace,
  { compression, size }: SeekPoints,
  { what, path, progress }: UnpackedTo,
): Promise<TarPlace> {
  const megabytes = Math.ceil(size / 1e6)
  progress.note(
    `${what} is ${compression} without places to begin at: unpacked to the store first (${megabytes} MB)`,
  )
  const temporary = temporaryOf(path)
  fs.mkdirSync(nodePath(path.slice(0, path.lastIndexOf('/'))), {
    recursive: true,
    mode: 0o700,
  })
  const fd = fs.openSync(nodePath(temporary), 'wx', 0o600)
  try {
    const input = new InOrder(openPlace(packed).source, PACKED_PIECE)
    for await (const piece of recorded(input, emptyPoints(compression)))
      for (let at = 0; at < piece.length;) at += fs.writeSync(fd, piece, at)
    fs.renameSync(nodePath(temporary), nodePath(path))
  } catch (error) {
    fs.rmSync(nodePath(temporary), { force: true })
    throw error
  } finally {
    fs.closeSync(fd)
  }
  const place = placeOfFile(path, size)
  if (place === null) throw new ImageError('store', `${path} is not as it was written`)
  return place
}

function placeOfFile(path: string, size: number): TarPlace | null {
  let fd: number
  try {
    fd = fs.openSync(nodePath(path), 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  if (fs.fstatSync(fd).size === size)
    return { fd, identity: identityOfFile(fd), bytes: size, steps: [] }
  fs.closeSync(fd)
  return null
}
