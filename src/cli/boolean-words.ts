// Docker's options that are true or false may be told which (`--pause=false`, `-it=false`);
// Commander's may not. Such words become what Commander knows: the option alone, its opposite, or
// nothing.
import type { Command, Option } from 'commander'

/** What Go's strconv.ParseBool takes. */
const VALUES: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map(word => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map(word => [word, false] as const),
])

/**
 * The words of a command line (a verb first), without values of boolean options.
 * @throws CommanderError for a value that is neither true nor false.
 */
export function withoutBooleanValues(
  command: Command,
  words: readonly string[],
): readonly string[] {
  const [verb, ...rest] = words
  const below = command.commands.find(
    one => one.name() === verb || (verb !== undefined && one.aliases().includes(verb)),
  )
  if (verb !== undefined && below !== undefined)
    return [verb, ...withoutBooleanValues(below, rest)]
  return rewritten(command, words)
}

function rewritten(command: Command, words: readonly string[]): string[] {
  // What follows the operand before `[command...]` is another program's.
  const endsAtOperand = command.registeredArguments.some(
    argument => argument.variadic && argument.name() === 'command',
  )
  const left = words.toReversed()
  const kept: string[] = []
  for (let word = left.pop(); word !== undefined; word = left.pop()) {
    const isOption = word.startsWith('-') && word !== '-'
    if (word === '--' || (!isOption && endsAtOperand))
      return [...kept, word, ...left.toReversed()]
    const found = isOption ? read(command, word) : asItIs(word)
    kept.push(...found.words)
    const value = found.takesNext ? left.pop() : undefined
    if (value !== undefined) kept.push(value)
  }
  return kept
}

interface Read {
  readonly words: readonly string[]
  readonly takesNext: boolean
}

function asItIs(word: string, takesNext = false): Read {
  return { words: [word], takesNext }
}

function read(command: Command, word: string): Read {
  return word.startsWith('--') ? readLong(command, word) : readCluster(command, word)
}

function readLong(command: Command, word: string): Read {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word : word.slice(0, equals)
  const option = command.options.find(({ long }) => long === name)
  if (option === undefined) return asItIs(word)
  if (equals < 0) return asItIs(word, option.required)
  if (!option.isBoolean() && !option.negate) return asItIs(word)
  return { words: told(command, option, name, word.slice(equals + 1)), takesNext: false }
}

/** `-it=false`: the letters before are options of their own. */
function readCluster(command: Command, word: string): Read {
  for (let i = 1; i < word.length; i++) {
    const name = `-${word[i] ?? ''}`
    const option = command.options.find(({ short }) => short === name)
    if (option === undefined) return asItIs(word)
    if (option.required) return asItIs(word, i === word.length - 1)
    if (word[i + 1] !== '=') continue
    const before = i > 1 ? [word.slice(0, i)] : []
    const words = [...before, ...told(command, option, name, word.slice(i + 2))]
    return { words, takesNext: false }
  }
  return asItIs(word)
}

function told(command: Command, option: Option, name: string, value: string): string[] {
  const holds = VALUES.get(value)
  if (holds === undefined)
    command.error(`error: '${value}' of ${name} is neither true nor false`)
  if (holds) return [name]
  const opposite = `--no-${option.name()}`
  return command.options.some(({ long }) => long === opposite) ? [opposite] : []
}
