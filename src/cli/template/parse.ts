// Go templates as Docker's `--format` has them (text/template): text to a tree. The subset that
// scripts use: fields, pipelines, functions, if, with, range, variables. Pure.
import { ImageError } from '../../image/model/errors.js'

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipe: Pipe }
  | { readonly kind: 'set'; readonly names: readonly string[]; readonly pipe: Pipe }
  | Block

export interface Block {
  readonly kind: 'if' | 'with' | 'range'
  /** `$k, $v :=` before the pipeline. */
  readonly names: readonly string[]
  readonly pipe: Pipe
  readonly body: readonly Node[]
  readonly otherwise: readonly Node[]
}

/** Commands whose result is the last argument of the next. */
export type Pipe = readonly Command[]
export type Command = readonly Operand[]

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'call'; readonly name: string }
  /** `.A.B`, `$x.A`, `(...).A`; no base for the dot itself. */
  | { readonly kind: 'field'; readonly base: Base; readonly path: readonly string[] }

export type Base =
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipe }

/** @throws ImageError `invalid`. */
export function parseTemplate(source: string): readonly Node[] {
  const parser = new Parser(split(source), source)
  const nodes = parser.nodes()
  parser.mustEnd()
  return nodes
}

type Piece =
  | { readonly action: false; readonly text: string }
  | { readonly action: true; readonly text: string }

/** Text and actions; `{{-` and `-}}` eat the blanks beside them. */
function split(source: string): Piece[] {
  const pieces: Piece[] = []
  const action = /\{\{(- )?((?:"(?:\\[^]|[^"\\])*"|`[^`]*`|[^}"`]|\}(?!\}))*?)( -)?\}\}/g
  let at = 0
  let trimNext = false
  for (const found of source.matchAll(action)) {
    const [whole, before, text = '', after] = found
    let literal = source.slice(at, found.index)
    if (trimNext) literal = literal.trimStart()
    if (before !== undefined) literal = literal.trimEnd()
    pieces.push({ action: false, text: literal })
    if (!/^\s*\/\*[^]*\*\/\s*$/.test(text)) pieces.push({ action: true, text })
    at = found.index + whole.length
    trimNext = after !== undefined
  }
  const rest = source.slice(at)
  if (rest.includes('{{')) throw invalid(source, "a '{{' is not closed")
  pieces.push({ action: false, text: trimNext ? rest.trimStart() : rest })
  return pieces.filter(piece => piece.action || piece.text !== '')
}

class Parser {
  private readonly pieces: Piece[]
  private readonly source: string
  private at = 0

  constructor(pieces: Piece[], source: string) {
    this.pieces = pieces
    this.source = source
  }

  mustEnd(): void {
    const piece = this.pieces[this.at]
    if (piece !== undefined)
      throw invalid(this.source, `'${piece.text.trim()}' stands alone`)
  }

  /** Up to `end`, `else`, or the template's end. */
  nodes(): Node[] {
    const nodes: Node[] = []
    for (;;) {
      const piece = this.pieces[this.at]
      if (piece === undefined) return nodes
      const word = piece.action ? (/^\s*(\S+)/.exec(piece.text)?.[1] ?? '') : ''
      if (word === 'end' || word === 'else') return nodes
      this.at++
      if (!piece.action) nodes.push({ kind: 'text', text: piece.text })
      else if (word === 'if' || word === 'with' || word === 'range')
        nodes.push(this.block(word, piece.text.trim().slice(word.length)))
      else nodes.push(this.action(piece.text))
    }
  }

  private block(kind: 'if' | 'with' | 'range', text: string): Node {
    const { names, pipe } = this.binding(text)
    const body = this.nodes()
    const next = this.pieces[this.at++]?.text.trim()
    if (next === 'end') return { kind, names, pipe, body, otherwise: [] }
    const [, word, rest = ''] = /^else(?:\s+(if|with))?([^]*)$/.exec(next ?? '') ?? []
    if (next === undefined) throw invalid(this.source, `'${kind}' has no 'end'`)
    if (word === 'if' || word === 'with')
      return { kind, names, pipe, body, otherwise: [this.block(word, rest)] }
    const otherwise = this.nodes()
    if (this.pieces[this.at++]?.text.trim() !== 'end')
      throw invalid(this.source, "'else' has no 'end'")
    return { kind, names, pipe, body, otherwise }
  }

  private action(text: string): Node {
    const { names, pipe } = this.binding(text)
    return names.length > 0 ? { kind: 'set', names, pipe } : { kind: 'print', pipe }
  }

  private binding(text: string): { names: string[]; pipe: Pipe } {
    const [whole, list = ''] = /^\s*(\$\w+(?:\s*,\s*\$\w+)?)\s*:?=\s*/.exec(text) ?? []
    const names = whole === undefined ? [] : list.split(',').map(name => name.trim())
    const tokens = tokenize(text.slice(whole?.length ?? 0), this.source)
    const pipe = parsePipe(tokens, this.source)
    if (tokens.length > 0) throw invalid(this.source, `'${tokens[0] ?? ''}' is too much`)
    return { names, pipe }
  }
}

const TOKEN =
  /\s+|("(?:\\[^]|[^"\\])*"|`[^`]*`|-?\d+(?:\.\d+)?|\$\w*|\.[A-Za-z_]\w*|\.|[A-Za-z_]\w*|[()|])/gy

function tokenize(text: string, source: string): string[] {
  const tokens: string[] = []
  let at = 0
  for (const found of text.matchAll(TOKEN)) {
    at = found.index + found[0].length
    if (found[1] === undefined) continue
    // `.A.B` is one operand, `.A .B` are two.
    const joined =
      /^\.\w/.test(found[1]) &&
      found.index > 0 &&
      /[\w)$]/.test(text[found.index - 1] ?? '')
    tokens.push(joined ? `&${found[1]}` : found[1])
  }
  if (at !== text.length) throw invalid(source, `'${text.slice(at)}' is not understood`)
  return tokens
}

function parsePipe(tokens: string[], source: string): Pipe {
  const commands: Command[] = []
  for (;;) {
    const command: Operand[] = []
    while (tokens.length > 0 && tokens[0] !== '|' && tokens[0] !== ')')
      command.push(parseOperand(tokens, source))
    if (command.length === 0) throw invalid(source, 'a value is missing')
    commands.push(command)
    if (tokens[0] !== '|') return commands
    tokens.shift()
  }
}

function parseOperand(tokens: string[], source: string): Operand {
  const token = tokens.shift() ?? ''
  const literal = parseLiteral(token, source)
  if (literal !== undefined) return { kind: 'literal', value: literal }
  if (/^[A-Za-z_]/.test(token)) return { kind: 'call', name: token }
  const path = token.startsWith('.') && token !== '.' ? [token.slice(1)] : []
  let base: Base = { kind: 'dot' }
  if (token.startsWith('$')) base = { kind: 'variable', name: token }
  else if (token === '(') {
    base = { kind: 'pipe', pipe: parsePipe(tokens, source) }
    if (tokens.shift() !== ')') throw invalid(source, "a '(' is not closed")
  } else if (!token.startsWith('.')) throw invalid(source, `'${token}' is not understood`)
  while (tokens[0]?.startsWith('&') === true) path.push((tokens.shift() ?? '').slice(2))
  return { kind: 'field', base, path }
}

function parseLiteral(
  token: string,
  source: string,
): string | number | boolean | null | undefined {
  if (/^["`]/.test(token)) return unquote(token, source)
  if (/^-?\d/.test(token)) return Number(token)
  if (token === 'true' || token === 'false') return token === 'true'
  return token === 'nil' ? null : undefined
}

function unquote(token: string, source: string): string {
  if (token.startsWith('`')) return token.slice(1, -1)
  try {
    return JSON.parse(token) as string
  } catch {
    throw invalid(source, `${token} is no string`)
  }
}

export function invalid(source: string, why: string): ImageError {
  return new ImageError('invalid', `template '${source}': ${why}`)
}
