// Extended headers of POSIX.1-2001 (pax, "pax Extended Header"): records `LENGTH KEY=VALUE\n`.
// Values are kept as bytes: decoding them as text would destroy file capabilities.
import { TarError } from './tar-error.js'

/** Before the name of an extended attribute, as star, GNU tar and Go write it. */
export const XATTR_KEY = 'SCHILY.xattr.'

/** Records by key. A later one of the same key has replaced an earlier one. */
export type PaxRecords = Map<string, Buffer>

/**
 * Adds the records of one extended header to `records`. The pairs of GNU's sparse form 0.0, which
 * repeat their keys, are joined into one `GNU.sparse.map`, as form 0.1 has it.
 * Raises TarError `malformed`.
 */
export function parsePax(body: Buffer, records: PaxRecords): void {
  const pairs: string[] = []
  for (let at = 0; at < body.length;) {
    // Some writers fill the rest of the block.
    if (body[at] === 0) break
    const { key, value, end } = parseRecord(body, at)
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
      pairs.push(value.latin1Slice())
    else records.set(key, Buffer.from(value))
    at = end
  }
  if (pairs.length > 0) records.set('GNU.sparse.map', Buffer.from(pairs.join(',')))
}

function parseRecord(
  body: Buffer,
  at: number,
): { key: string; value: Buffer; end: number } {
  const space = body.indexOf(0x20, at)
  const digits = space < 0 ? '' : body.latin1Slice(at, space)
  const end = at + (/^\d{1,9}$/.test(digits) ? Number(digits) : 0)
  const equals = body.indexOf(0x3d, space + 1)
  const fits = end <= body.length && equals > space + 1 && equals < end
  if (!fits || body[end - 1] !== 0x0a)
    throw new TarError('malformed', 'a PAX record is malformed')
  return {
    key: body.latin1Slice(space + 1, equals),
    value: body.subarray(equals + 1, end - 1),
    end,
  }
}

/** Records in the order of their keys, as an extended header's body. */
export function formatPax(records: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Buffer[] = []
  for (const key of [...records.keys()].sort()) {
    const value = records.get(key)
    if (value === undefined) continue
    const rest = 1 + key.length + 1 + value.length + 1
    // The length counts its own digits.
    let length = rest + String(rest).length
    length = rest + String(length).length
    parts.push(Buffer.from(`${length} ${key}=`, 'latin1'), Buffer.from(value), NEWLINE)
  }
  return Buffer.concat(parts)
}

const NEWLINE = Buffer.from('\n')
