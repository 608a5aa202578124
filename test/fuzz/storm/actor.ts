// What every process of a storm has: a number, a clock that ends it, randomness, and a list of
// what should not have happened. Expected races (a name that another has just taken) are named by
// each actor; every other errno is a finding.
import * as fs from 'node:fs'
import { Random } from '../../../scripts/fuzzer/random.js'

export interface Actor {
  readonly number: number
  readonly count: number
  /** The directory of this storm on the mount. */
  readonly root: string
  readonly random: Random
  /** Whether there is time left. */
  going(): boolean
  /** Something that must not be. */
  wrong(what: string): void
}

/** What an actor leaves for the check at the end. */
export interface Report {
  readonly steps: number
  readonly wrong: readonly string[]
  /** Its own account, which the check compares with what is on the mount. */
  readonly account: readonly string[]
}

/** One round of work; the account is what must hold when all have ended. */
export type Play = (actor: Actor) => {
  readonly step: () => void
  readonly account: () => string[]
}

/** Runs a call that may lose a race: the value, or undefined for one of the errnos allowed. */
export function race<T>(
  actor: Actor,
  allowed: readonly string[],
  call: () => T,
): T | undefined {
  try {
    return call()
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (!allowed.includes(code)) actor.wrong(`${code}: ${String(error)}`)
    return undefined
  }
}

/** Whether a call that may lose a race has won. */
export function wins(
  actor: Actor,
  allowed: readonly string[],
  call: () => void,
): boolean {
  return (
    race(actor, allowed, () => {
      call()
      return true
    }) === true
  )
}

/** Contents that say whose they are: `size` bytes of one line repeated. */
export function stamp(text: string, size: number): Buffer {
  return Buffer.alloc(size, `${text}\n`)
}

export function readAll(path: string): string {
  return fs.readFileSync(path, 'latin1')
}
