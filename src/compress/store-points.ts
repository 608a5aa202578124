// Seek points as bytes of a file: a head, the places, then the windows one after another. What is
// read is not trusted: damage is EUCLEAN, and the points are made anew.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { Compression } from './compression.js'
import type { SeekPoint, SeekPoints } from './seek-points.js'

const KINDS: readonly Compression[] = ['none', 'gzip', 'zstd']
/** Doubles in front: kind, size, number of points. */
const HEAD = 3
/** Doubles of a point: plain, packed, bits, bytes of its window (-1 for none), check. */
const POINT = 5

export function encodePoints({ compression, points, size }: SeekPoints): Buffer {
  const numbers = new Float64Array(HEAD + points.length * POINT)
  numbers.set([KINDS.indexOf(compression), size, points.length])
  points.forEach(({ plain, packed, bits, window, check }, i) => {
    numbers.set([plain, packed, bits, window?.length ?? -1, check], HEAD + i * POINT)
  })
  const windows = points.flatMap(({ window }) => (window === undefined ? [] : [window]))
  return Buffer.concat([Buffer.from(numbers.buffer), ...windows])
}

/** The windows stay where they lie in `bytes`. @throws FsError EUCLEAN. */
export function decodePoints(bytes: Buffer): SeekPoints {
  const number = (i: number): number => {
    if ((i + 1) * 8 > bytes.length) throw damaged()
    return bytes.readDoubleLE(i * 8)
  }
  const compression = KINDS[number(0)]
  const count = number(2)
  if (compression === undefined || !(count >= 0 && count * POINT * 8 <= bytes.length))
    throw damaged()
  const points: SeekPoint[] = []
  let at = (HEAD + count * POINT) * 8
  for (let i = 0; i < count; i++) {
    const first = HEAD + i * POINT
    const length = number(first + 3)
    const window = length < 0 ? undefined : bytes.subarray(at, at + length)
    at += Math.max(length, 0)
    points.push({
      plain: number(first),
      packed: number(first + 1),
      bits: number(first + 2),
      window,
      check: number(first + 4),
    })
  }
  // Also for a last window that was cut off.
  if (at !== bytes.length) throw damaged()
  return { compression, points, size: number(1) }
}

function damaged(): FsError {
  return new FsError(E.EUCLEAN, 'seek points')
}
