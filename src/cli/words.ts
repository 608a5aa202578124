// Splits arguments into option letters and other words, for the three ways to ask for a mount.
// Knows no option by itself.
import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.js'

/** The options of one form by their long names, each with its letter. */
export type OptionLetters = Readonly<
  Record<string, { readonly short?: string; readonly takesValue?: true }>
>

export interface Words {
  /** Names of the options that are there. */
  readonly given: ReadonlySet<string>
  /** All values of an option, in order. */
  readonly values: (name: string) => readonly string[]
  readonly positionals: readonly string[]
}

/** Options may stand anywhere, joined (`-oX`, `-fd`) or apart; `--` ends them. */
export function splitWords(args: readonly string[], letters: OptionLetters): Words {
  const options = Object.fromEntries(
    Object.entries(letters).map(([name, { short, takesValue }]) => [
      name,
      {
        type: takesValue === true ? ('string' as const) : ('boolean' as const),
        multiple: true,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const known = letters[token.name]
    if (known === undefined) throw new UsageError(`unknown option ${token.rawName}`)
    if (known.takesValue === true && token.value === undefined) {
      throw new UsageError(`option ${token.rawName} needs a value`)
    }
    if (known.takesValue !== true && token.value !== undefined) {
      throw new UsageError(`option ${token.rawName} takes no value`)
    }
    values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? ''])
  }
  return {
    given: new Set(values.keys()),
    values: name => values.get(name) ?? [],
    positionals,
  }
}
