// Numbers as tar writes them: octal digits, base-256 where those do not reach (GNU), decimal in
// PAX records. A number that cannot be held exactly is refused, never rounded.
import type { TarTime } from './entry.js'
import { TarError } from './tar-error.js'

const SPACE = 0x20
const ZERO = 0x30
const SEVEN = 0x37

/** The number in a header field, octal or base-256. Raises `malformed`. */
export function parseField(
  block: Buffer,
  at: number,
  length: number,
  what: string,
): number {
  const first = block[at] ?? 0
  if ((first & 0x80) !== 0) return parseBase256(block, at, length, what)
  let value = 0
  let place = at
  const end = at + length
  while (place < end && isBlank(block[place])) place++
  for (; place < end; place++) {
    const digit = block[place] ?? 0
    if (digit < ZERO || digit > SEVEN) break
    value = value * 8 + (digit - ZERO)
  }
  if (place < end && !isBlank(block[place])) throw unreadable(what)
  return exact(value, what)
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0
}

/** Two's complement, big-endian, the topmost bit a mark. */
function parseBase256(block: Buffer, at: number, length: number, what: string): number {
  const first = block[at] ?? 0
  const negative = (first & 0x40) !== 0
  let value = negative ? (first & 0x7f) - 0x80 : first & 0x3f
  for (let place = at + 1; place < at + length; place++)
    value = value * 256 + (block[place] ?? 0)
  return exact(value, what)
}

/** A whole decimal number of a PAX record. Raises `malformed`. */
export function parseDecimal(text: string, what: string): number {
  if (!/^-?\d{1,17}$/.test(text)) throw unreadable(what)
  return exact(Number(text), what)
}

/** A PAX time: seconds with a fraction, maybe negative (pax, "atime"). Raises `malformed`. */
export function parseTime(text: string, what: string): TarTime {
  const parts = /^(-?)(\d{1,17})(?:\.(\d*))?$/.exec(text)
  if (parts === null) throw unreadable(what)
  const [, sign, whole = '', fraction = ''] = parts
  const sec = exact(Number(whole), what)
  const nsec = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign !== '-') return { sec, nsec }
  return nsec === 0 ? { sec: 0 - sec, nsec } : { sec: -sec - 1, nsec: 1e9 - nsec }
}

/** A time as a PAX record has it, without zeros at its end. */
export function formatTime({ sec, nsec }: TarTime): string {
  if (nsec === 0) return String(sec)
  const negative = sec < 0
  const whole = negative ? -(sec + 1) : sec
  const rest = negative ? 1e9 - nsec : nsec
  const fraction = String(rest).padStart(9, '0').replace(/0+$/, '')
  return `${negative ? '-' : ''}${whole}.${fraction}`
}

/** Whether a number fits a field of so many bytes as octal with a NUL behind it. */
export function fitsOctal(value: number, length: number): boolean {
  return value >= 0 && value < 8 ** (length - 1)
}

function exact(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) throw unreadable(what)
  return value
}

function unreadable(what: string): TarError {
  return new TarError('malformed', `its ${what} is not a number that can be`)
}
