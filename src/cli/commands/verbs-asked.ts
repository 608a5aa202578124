// Of the verbs of a program the one that is asked for: to make all of them takes longer than most of
// them run.
import type { Command } from 'commander'

/** Where verbs are added: a program, a verb that has others below it, or one that takes few. */
export interface Verbs {
  /** A verb whose description goes on; undefined for one that nobody has asked for. */
  command(usage: string): Command | undefined
}

/** @param asked the name of the verb; null for all of them. */
export function verbsAsked(program: Command, asked: string | null): Verbs {
  const isAsked = (usage: string): boolean =>
    asked === null || usage.split(' ', 1)[0] === asked
  return { command: usage => (isAsked(usage) ? program.command(usage) : undefined) }
}
