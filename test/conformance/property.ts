// How a POSIX property is written down: a name, the files it begins with, and a function of a
// directory. The same function runs on files made through the mount, on files of a lower layer,
// in merged directories and on copied-up files. Nothing here knows of a particular target.
import { inspect, isDeepStrictEqual } from 'node:util'
import type { Agent } from '../helpers/agent.js'
import type { Tree } from '../helpers/tree.js'
import type { User } from '../helpers/users.js'

/**
 * Where the files of a case come from:
 * `new` made through the mount; `lower` in one lower layer; `merged` in the bottom layer, their
 * directories also in the layer above and in the upper; `copied` as lower, then copied up.
 */
export type Origin = 'new' | 'lower' | 'merged' | 'copied'

/**
 * What a case needs beyond an ordinary process: `root` other users and owners; `privileged` the
 * initial user namespace as well (devices, trusted attributes, inode flags).
 */
export type Need = 'root' | 'privileged'

export interface Context {
  /** The case's own directory, mode 0777; ASCII. */
  readonly dir: string
  /** A path below it. */
  at(...names: string[]): string
  /** A second process, as `user`; killed when the case ends. */
  agent(user?: User): Promise<Agent>
  /** Runs when the case ends, last one first, also after a failure. */
  defer(action: () => void): void
}

export interface Case {
  /** "group/name". */
  readonly id: string
  readonly needs: readonly Need[]
  readonly origins: readonly Origin[]
  readonly tree: Tree
  /** Milliseconds. */
  readonly limit: number
  readonly run: (context: Context) => void | Promise<void>
}

export interface CaseOptions {
  /** The files it begins with. */
  readonly tree?: Tree
  readonly needs?: readonly Need[]
  /** Overrides: all four with a tree, `new` and `merged` without. */
  readonly origins?: readonly Origin[]
  readonly limit?: number
}

type Define = (
  name: string,
  options: CaseOptions,
  run: (context: Context) => void | Promise<void>,
) => void

/** The cases of one property file. */
export function property(group: string, define: (it: Define) => void): Case[] {
  const cases: Case[] = []
  const taken = new Set<string>()
  define((name, options, run) => {
    const id = `${group}/${name}`
    if (taken.has(id)) throw new Error(`two cases are called ${id}`)
    taken.add(id)
    const { tree, needs = [], limit = 15_000 } = options
    const origins =
      options.origins ??
      (tree === undefined
        ? (['new', 'merged'] as const)
        : (['new', 'lower', 'merged', 'copied'] as const))
    cases.push({ id, needs, origins, tree: tree ?? {}, limit, run })
  })
  return cases
}

// ---- what a case says about what it sees ------------------------------------------------------

/** A property that does not hold. */
export class Violation extends Error {}

/** `what` is a phrase: "size after truncate". */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Violation(`${what}: expected ${show(expected)}, got ${show(actual)}`)
}

export function check(holds: boolean, what: string): void {
  if (!holds) throw new Violation(what)
}

/** The two modes without their types, in octal. */
export function equalMode(actual: number, expected: number, what: string): void {
  equal(octal(actual & 0o7777), octal(expected), what)
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`
}

/** `action` fails with one of these errnos ("ENOENT"). */
export function fails(codes: string | readonly string[], action: () => unknown): void {
  let result: unknown
  try {
    result = action()
  } catch (error) {
    expectCode(error, codes)
    return
  }
  throw new Violation(`expected ${String(codes)}, but it succeeded with ${show(result)}`)
}

/** The same for a call of another process. */
export async function failsThere(
  codes: string | readonly string[],
  action: Promise<unknown>,
): Promise<void> {
  let result: unknown
  try {
    result = await action
  } catch (error) {
    expectCode(error, codes)
    return
  }
  throw new Violation(`expected ${String(codes)}, but it succeeded with ${show(result)}`)
}

function expectCode(error: unknown, codes: string | readonly string[]): void {
  if (!(error instanceof Error) || !('code' in error)) throw error
  if ([codes].flat().includes(String(error.code))) return
  throw new Violation(`expected ${String(codes)}, got ${String(error.code)}`)
}

function show(value: unknown): string {
  return inspect(value, {
    breakLength: Infinity,
    maxStringLength: 200,
    maxArrayLength: 20,
  })
}
