// A reason against one entry of a layer's archive, before it is known which layer it is in.

export type RefusalCode = 'malformed' | 'unsupported' | 'limit'

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A name for a message: an author's bytes may not steer a terminal. */
export function shown(name: string): string {
  const text = Buffer.from(name, 'latin1').toString()
  const readable = text.includes('\ufffd') ? name : text
  // eslint-disable-next-line no-control-regex
  return readable.replace(/[\x00-\x1f\x7f-\x9f]/g, hex)
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}
