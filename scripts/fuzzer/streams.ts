// Directories that are listed piece by piece while they change. The order is each side's own, so
// each is held to the rules for itself; see 'partial listings'.
import { result, type Finding } from './answer.js'
import { isUser, type Inode, type Model } from './model.js'
import { decode, number, type Step } from './operation.js'

interface Stream {
  readonly inode: Inode
  /** Names that were there from the beginning on. */
  throughout: Set<string>
  /** Names that were there at some time. */
  readonly ever: Set<string>
  /** What each side has given, in its order. */
  readonly given: readonly [a: string[], b: string[]]
}

export class Streams {
  readonly #streams = new Map<string, Stream>()

  clear(): void {
    this.#streams.clear()
  }

  read(model: Model, step: Step, a: string, b: string): Finding | undefined {
    const stream = this.#streams.get(key(step))
    if (!stream || stream.inode !== opened(model, step)) return undefined
    for (const [side, answer] of [a, b].entries()) {
      const wrong = take(stream, stream.given[side] ?? [], answer)
      if (wrong)
        return { kind: `dirread: ${wrong[0]}`, text: `${'ab'[side]}: ${wrong.join(' ')}` }
    }
    return undefined
  }

  /** @param results of the two sides: one may have fewer records, and stays where it is. */
  seek(model: Model, step: Step, results: readonly [number, number]): void {
    const stream = this.#streams.get(key(step))
    const position = number(step[3])
    if (!stream) return
    if (position === 0) this.#begin(model, step)
    else
      for (const [side, given] of stream.given.entries())
        if (results[side] === 0) given.length = Math.min(given.length, position)
  }

  /** Keeps the sets up to date; a directory that is opened begins a stream. */
  applied(model: Model, step: Step): void {
    if (step[1] === 'open') this.#begin(model, step)
    for (const stream of this.#streams.values()) {
      const now = stream.inode.children
      for (const name of stream.throughout)
        if (!now.has(name)) stream.throughout.delete(name)
      for (const name of now.keys()) stream.ever.add(name)
    }
  }

  #begin(model: Model, step: Step): void {
    const inode = opened(model, step)
    if (inode?.kind !== 'directory') {
      this.#streams.delete(key(step))
      return
    }
    const names = [...inode.children.keys()]
    this.#streams.set(key(step), {
      inode,
      throughout: new Set(names),
      ever: new Set(names),
      given: [[], []],
    })
  }
}

function key(step: Step): string {
  return `${step[0]}:${number(step[2])}`
}

function opened(model: Model, step: Step): Inode | undefined {
  return isUser(step[0]) ? model.slot(step[0], number(step[2]))?.inode : undefined
}

/** Enters what one side has given; two words when it breaks a rule. */
function take(
  stream: Stream,
  given: string[],
  answer: string,
): readonly string[] | undefined {
  for (const entry of answer.split(' ').slice(1)) {
    const wrong = takeEntry(stream, given, entry)
    if (wrong !== undefined) return [wrong, entry]
  }
  if (result(answer) > 0) return undefined
  const missing = [...stream.throughout].find(name => !given.includes(name))
  return missing === undefined ? undefined : ['missing name', missing]
}

function takeEntry(stream: Stream, given: string[], entry: string): string | undefined {
  const { inode, ever, throughout } = stream
  const [encoded = '', type = ''] = entry.split(',')
  const name = decode(encoded)
  if (given.includes(name)) return 'name twice'
  given.push(name)
  if (name === '.' || name === '..') return undefined
  if (!ever.has(name)) return 'name that never was'
  // A name that has come to mean another file since the list was made may show the old type.
  const known = throughout.has(name) && inode.children.has(name)
  return known && type === '0' ? 'no type' : undefined
}
