// Names for JSON, which knows text alone. Pure.

/**
 * A latin1 string of bytes as text: UTF-8 where it is, and a byte that is not as the lone surrogate
 * U+DC80 to U+DCFF (Python's `surrogateescape`), so that no two names look the same.
 */
export function textOfBytes(name: string): string {
  let text = ''
  for (const [piece] of name.matchAll(SEQUENCE)) {
    const bytes = Buffer.from(piece, 'latin1')
    const decoded = bytes.toString('utf8')
    // Overlong forms and surrogates have the shape of a sequence but are none.
    text += Buffer.from(decoded, 'utf8').equals(bytes)
      ? decoded
      : piece.replace(/[\x80-\xff]/g, escapeByte)
  }
  return text
}

/** The bytes that `textOfBytes` has made a text of; other lone surrogates become U+FFFD. */
export function bytesOfText(text: string): string {
  return text
    .split(/([\udc80-\udcff])/u)
    .map((piece, i) =>
      // What was split by stands at odd places; halves of pairs are never alone.
      i % 2 === 1
        ? String.fromCharCode(piece.charCodeAt(0) - 0xdc00)
        : Buffer.from(piece, 'utf8').toString('latin1'),
    )
    .join('')
}

/** Every string in an answer, as `textOfBytes` has it. */
export function textOfAnswer(answer: unknown): unknown {
  if (typeof answer === 'string') return textOfBytes(answer)
  if (Array.isArray(answer)) return answer.map(textOfAnswer)
  if (typeof answer !== 'object' || answer === null) return answer
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => [textOfBytes(key), textOfAnswer(value)]),
  )
}

/** Runs of ASCII, the shapes of UTF-8's sequences, and single bytes that fit none. */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex -- NUL and its like are bytes of names
  /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[^]/g

function escapeByte(char: string): string {
  return String.fromCharCode(0xdc00 + char.charCodeAt(0))
}
