// What a worker answers, and what can be wrong with it.

/** What is wrong, or nothing. `kind` is what a shrunk case must still show. */
export interface Finding {
  readonly kind: string
  readonly text: string
}

/** The value or -errno. */
export function result(answer: string): number {
  return Number(answer.split(' ', 1)[0])
}
