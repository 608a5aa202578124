// Maps of sparse files in GNU's forms: the old header's own table, and PAX 0.0, 0.1 and 1.0 (GNU
// tar manual, "Storing Sparse Files"). Every map is checked: runs in order, apart, inside the
// file, and as long together as the contents that follow.
import type { SparseRun } from './entry.js'
import { BLOCK } from './header.js'
import { parseDecimal, parseField } from './numbers.js'
import { TarError } from './tar-error.js'

/** Bytes of an offset and a length in the old form. */
const PAIR = 24
const OLD_MAP_AT = 386
const OLD_MAP_PAIRS = 4
const OLD_EXTENDED = 482
const EXTENSION_PAIRS = 21
const EXTENSION_EXTENDED = 504

/** Takes the next block of the stream; a shorter one only at its end. */
type TakeBlock = () => Buffer

/** The old form: pairs in the header block, and in blocks behind it. Raises TarError. */
export function readOldMap(header: Buffer, take: TakeBlock, limit: number): SparseRun[] {
  const runs: SparseRun[] = []
  let more = pairsOf(header, OLD_MAP_AT, OLD_MAP_PAIRS, OLD_EXTENDED, runs)
  for (let bytes = BLOCK; more; bytes += BLOCK) {
    if (bytes > limit) throw tooLarge()
    const block = take()
    if (block.length < BLOCK) throw new TarError('truncated', 'a sparse map is cut off')
    more = pairsOf(block, 0, EXTENSION_PAIRS, EXTENSION_EXTENDED, runs)
  }
  return runs
}

/** Appends the pairs of a block that are in use; whether another block follows. */
function pairsOf(
  block: Buffer,
  at: number,
  count: number,
  extended: number,
  runs: SparseRun[],
): boolean {
  for (let i = 0; i < count; i++) {
    const pair = at + i * PAIR
    if (block[pair] === 0) break
    runs.push({
      offset: parseField(block, pair, 12, 'sparse map'),
      length: parseField(block, pair + 12, 12, 'sparse map'),
    })
  }
  return block[extended] !== 0
}

/** PAX 0.1: `offset,length,...` in one record. Raises TarError `malformed`. */
export function parseListedMap(text: string): SparseRun[] {
  return text === '' ? [] : runsOf(text.split(','))
}

/**
 * PAX 1.0: decimal lines before the contents, filled up to a whole block.
 * @returns the runs, and the bytes that the map took of the contents.
 */
export function readLeadingMap(
  take: TakeBlock,
  stored: number,
  limit: number,
): { runs: SparseRun[]; bytes: number } {
  const numbers: string[] = []
  let rest = ''
  let bytes = 0
  for (let wanted = 1; numbers.length < wanted;) {
    if (bytes + BLOCK > limit) throw tooLarge()
    if (bytes + BLOCK > stored) throw misfit()
    const block = take()
    if (block.length < BLOCK) throw new TarError('truncated', 'a sparse map is cut off')
    bytes += BLOCK
    const lines = (rest + block.latin1Slice()).split('\n')
    rest = lines.pop() ?? ''
    numbers.push(...lines)
    if (numbers[0] !== undefined) wanted = 1 + 2 * parseDecimal(numbers[0], 'sparse map')
    // A number that is longer than a block is none.
    if (rest.length > BLOCK || wanted < 1) throw misfit()
  }
  const count = Number(numbers[0])
  return { runs: runsOf(numbers.slice(1, 1 + 2 * count)), bytes }
}

function runsOf(numbers: readonly string[]): SparseRun[] {
  if (numbers.length % 2 !== 0) throw misfit()
  const runs: SparseRun[] = []
  for (let i = 0; i < numbers.length; i += 2)
    runs.push({
      offset: parseDecimal(numbers[i] ?? '', 'sparse map'),
      length: parseDecimal(numbers[i + 1] ?? '', 'sparse map'),
    })
  return runs
}

/**
 * The map without its empty runs (the last one of GNU tar's marks the end).
 * Raises TarError `malformed` unless it fits a file of `size` bytes, `stored` of which follow.
 */
export function checkedMap(
  runs: readonly SparseRun[],
  size: number,
  stored: number,
): SparseRun[] {
  let end = 0
  let sum = 0
  for (const { offset, length } of runs) {
    if (offset < end || length < 0 || offset + length > size) throw misfit()
    end = offset + length
    sum += length
  }
  if (sum !== stored) throw misfit()
  return runs.filter(run => run.length > 0)
}

function misfit(): TarError {
  return new TarError('malformed', 'its sparse map does not fit the file')
}

function tooLarge(): TarError {
  return new TarError('limit', 'its sparse map is larger than allowed')
}
