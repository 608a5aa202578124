// Takes an `-o` string apart into options. Knows quotes and escapes, and no option by name.

/** One option as it was written. */
export interface Token {
  /** What stands before the first `=`; `lowerdir+` of `lowerdir+=/a`. */
  readonly name: string
  /** What stands after it, quotes removed and escapes kept; null where there is no `=`. */
  readonly value: string | null
  /** The whole option as written, for messages. */
  readonly text: string
}

/**
 * The options of one `-o` string. A comma ends an option unless a backslash stands before it
 * (ovl_next_opt of the kernel, fuse_opt of libfuse) or it lies in a value in double quotes, which
 * is how mount(8) and containers/storage write SELinux contexts. Quotes count only around a whole
 * value: elsewhere they are part of a name. Empty options (`,,`, callers send them) are skipped.
 */
export function splitOptions(text: string): Token[] {
  const tokens: Token[] = []
  let start = 0
  while (start <= text.length) {
    const end = endOfOption(text, start)
    if (end > start) tokens.push(tokenOf(text.slice(start, end)))
    start = end + 1
  }
  return tokens
}

/** The index of the comma that ends the option which begins at `start`, or the text's length. */
function endOfOption(text: string, start: number): number {
  let isValue = false
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === ',') return at
    else if (char === '=' && !isValue) {
      isValue = true
      const close = text[at + 1] === '"' ? closingQuote(text, at + 2) : null
      if (close !== null) return close + 1
    }
  }
  return text.length
}

/** A quote that ends its option: followed by a comma or by the end. */
function closingQuote(text: string, from: number): number | null {
  const close = text.indexOf('"', from)
  if (close === -1) return null
  return close + 1 === text.length || text[close + 1] === ',' ? close : null
}

function tokenOf(text: string): Token {
  const equals = text.indexOf('=')
  if (equals === -1) return { name: text, value: null, text }
  const raw = text.slice(equals + 1)
  const isQuoted =
    raw.length >= 2 && raw.startsWith('"') && raw.indexOf('"', 1) === raw.length - 1
  return {
    name: text.slice(0, equals),
    value: isQuoted ? raw.slice(1, -1) : raw,
    text,
  }
}
