// The functions of text/template, and those that Docker adds (cli/templates). Pure. What they throw
// becomes a message about the template.
import { isObject } from '../../image/model/json-shape.js'
import { isTrue, printed } from './values.js'

type TemplateFunction = (...args: readonly unknown[]) => unknown

export const functions: ReadonlyMap<string, TemplateFunction> = new Map<
  string,
  TemplateFunction
>([
  ['json', value => JSON.stringify(value ?? null)],
  ['join', (list, separator) => asList(list).map(printed).join(asText(separator))],
  ['split', (text, separator) => asText(text).split(asText(separator))],
  ['lower', text => asText(text).toLowerCase()],
  ['upper', text => asText(text).toUpperCase()],
  ['title', text => asText(text).replace(/\b[a-z]/g, letter => letter.toUpperCase())],
  ['pad', pad],
  ['truncate', (text, length) => asText(text).slice(0, asNumber(length))],
  ['len', lengthOf],
  ['index', (value, ...keys) => keys.reduce(itemAt, value)],
  ['slice', (value, from, to) => sliced(value, from, to)],
  ['print', (...args) => args.map(printed).join('')],
  ['println', (...args) => `${args.map(printed).join(' ')}\n`],
  ['printf', printf],
  ['eq', (one, ...others) => others.some(other => one === other)],
  ['ne', (one, other) => one !== other],
  ['lt', (one, other) => compare(one, other) < 0],
  ['le', (one, other) => compare(one, other) <= 0],
  ['gt', (one, other) => compare(one, other) > 0],
  ['ge', (one, other) => compare(one, other) >= 0],
  ['not', value => !isTrue(value)],
  ['and', (...args) => args.find(one => !isTrue(one)) ?? args.at(-1)],
  ['or', (...args) => args.find(isTrue) ?? args.at(-1)],
])

/** Docker's: blanks before and after a text that is not empty. */
function pad(text: unknown, before: unknown, after: unknown): string {
  const shown = asText(text)
  if (shown === '') return ''
  return ' '.repeat(asNumber(before)) + shown + ' '.repeat(asNumber(after))
}

function lengthOf(value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  if (isObject(value)) return Object.keys(value).length
  throw new Error('it has no length')
}

function itemAt(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const at = asNumber(key)
    if (at < 0 || at >= value.length) throw new Error(`there is no item ${at}`)
    return value[at]
  }
  if (isObject(value)) return value[asText(key)]
  if (value === undefined || value === null) return undefined
  throw new Error('it has no items')
}

function sliced(value: unknown, from: unknown, to: unknown): unknown {
  const range = [
    from === undefined ? 0 : asNumber(from),
    to === undefined ? undefined : asNumber(to),
  ] as const
  if (typeof value === 'string') return value.slice(...range)
  return asList(value).slice(...range)
}

function printf(format: unknown, ...args: readonly unknown[]): string {
  let at = 0
  return asText(format).replace(
    /%(%|(-?)(\d*)(?:\.(\d+))?([vsdqtxf]))/g,
    (_whole, all: string, minus: string, width: string, digits: string, verb: string) => {
      if (all === '%') return '%'
      const value = args[at++]
      let text = printed(value)
      if (verb === 'q') text = JSON.stringify(text)
      else if (verb === 'x' && typeof value === 'number') text = value.toString(16)
      else if (verb === 'f')
        text = asNumber(value).toFixed(digits === '' ? 6 : Number(digits))
      else if (verb === 's' && digits) text = text.slice(0, Number(digits))
      const room = Number(width)
      return minus === '' ? text.padStart(room) : text.padEnd(room)
    },
  )
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other
  const [a, b] = [asText(one), asText(other)]
  if (a === b) return 0
  return a < b ? -1 : 1
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  throw new Error(`${printed(value)} is no text`)
}

function asNumber(value: unknown): number {
  if (typeof value === 'number') return value
  throw new Error(`${printed(value)} is no number`)
}

function asList(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw new Error(`${printed(value)} is no list`)
}
