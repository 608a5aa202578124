// Splits arguments into option letters and other words, for the three ways to ask for a mount.
// Knows no option by itself. (node:util's parseArgs does the same, but loading it costs a tenth of
// the start of a mount.)
import { UsageError } from './usage-error.js'

/**
 * The options of one form by their long names, each with its letter, if any. The value of a
 * `joined` one may be left out, and is '' then: `--rw`, `--rw=NAME`.
 */
export type OptionLetters = Readonly<
  Record<string, { readonly short?: string; readonly takesValue?: true | 'joined' }>
>

export interface Words {
  /** Names of the options that are there. */
  readonly given: ReadonlySet<string>
  /** All values of an option, in order. */
  readonly values: (name: string) => readonly string[]
  readonly positionals: readonly string[]
}

/**
 * Options may stand anywhere, joined (`-oX`, `-fd`) or apart, as getopt_long(3) has them; `--` ends
 * them, and `-` is a word. Throws a UsageError for one that `letters` does not have.
 */
export function splitWords(args: readonly string[], letters: OptionLetters): Words {
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  const rest = [...args]
  const add = (name: string, value: string): void => {
    values.set(name, [...(values.get(name) ?? []), value])
  }
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') positionals.push(...rest.splice(0))
    else if (word.startsWith('--')) takeLong(word, letters, rest, add)
    else if (word.startsWith('-') && word !== '-') takeShort(word, letters, rest, add)
    else positionals.push(word)
  }
  return {
    given: new Set(values.keys()),
    values: name => values.get(name) ?? [],
    positionals,
  }
}

type Add = (name: string, value: string) => void

/** `--name`, `--name=value`, `--name value`. */
function takeLong(word: string, letters: OptionLetters, rest: string[], add: Add): void {
  const equals = word.indexOf('=')
  const name = word.slice(2, equals === -1 ? undefined : equals)
  const option = letters[name]
  if (option === undefined) throw new UsageError(`unknown option --${name}`)
  const given = equals === -1 ? undefined : word.slice(equals + 1)
  if (option.takesValue === true) add(name, given ?? nextWord(`--${name}`, rest))
  else if (option.takesValue === 'joined') add(name, given ?? '')
  else if (given === undefined) add(name, '')
  else throw new UsageError(`option --${name} takes no value`)
}

/** `-f`, `-fd`, `-oX`, `-o X`. */
function takeShort(word: string, letters: OptionLetters, rest: string[], add: Add): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at)
    const found = Object.entries(letters).find(([, { short }]) => short === letter)
    if (found === undefined) throw new UsageError(`unknown option -${letter}`)
    const [name, { takesValue }] = found
    if (takesValue !== true) add(name, '')
    else {
      const joined = word.slice(at + 1)
      add(name, joined === '' ? nextWord(`-${letter}`, rest) : joined)
      return
    }
  }
}

function nextWord(option: string, rest: string[]): string {
  const value = rest.shift()
  if (value === undefined) throw new UsageError(`option ${option} needs a value`)
  return value
}
