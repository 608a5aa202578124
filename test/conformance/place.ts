// The directories of the cases, layer by layer: what is made below before the mount, and what
// through it. Both the suite (which prepares) and its worker (which runs) use these names.
import * as calls from '../helpers/calls.js'
import { C } from '../helpers/calls.js'
import { directoriesOf, makeTree, pathsOf } from '../helpers/tree.js'
import { cases } from './posix/all.js'
import type { Case, Need, Origin } from './property.js'

/** One case on files of one origin. */
export interface Run {
  /** "group/name@origin". */
  readonly id: string
  readonly of: Case
  readonly origin: Origin
  /** The name of its directory. */
  readonly directory: string
}

/** Where cases are prepared. Each is a directory that exists. */
export interface Below {
  readonly bottom: string
  /** Absent on plain filesystems. */
  readonly top?: string
  readonly upper?: string
}

/** All runs on these origins, in order; those whose id holds none of `words` are left out. */
export function allRuns(origins: readonly Origin[], words: readonly string[]): Run[] {
  const runs: Run[] = []
  cases.forEach((of, index) => {
    for (const origin of origins) {
      const id = `${of.id}@${origin}`
      if (!of.origins.includes(origin)) continue
      if (words.length > 0 && !words.some(word => id.includes(word))) continue
      runs.push({ id, of, origin, directory: `c${index}-${origin}` })
    }
  })
  return runs
}

/** What the run needs and the target has not. */
export function lacking(run: Run, offered: readonly Need[]): Need | undefined {
  return run.of.needs.find(need => !offered.includes(need))
}

/** Makes what the run finds below before the mount. */
export function prepareBelow(run: Run, below: Below): void {
  if (run.origin === 'new') return
  const { tree } = run.of
  makeCaseDirectory(below.bottom, run)
  makeTree(`${below.bottom}/${run.directory}`, tree)
  if (run.origin !== 'merged') return
  for (const layer of [below.top, below.upper]) {
    if (layer === undefined) continue
    makeCaseDirectory(layer, run)
    makeTree(`${layer}/${run.directory}`, directoriesOf(tree))
  }
}

/** Makes the rest through the mount, before the case begins. */
export function prepareThrough(run: Run, dir: string): void {
  const base = `${dir}/${run.directory}`
  if (run.origin === 'new') {
    makeCaseDirectory(dir, run)
    makeTree(base, run.of.tree)
  }
  if (run.origin === 'copied') {
    // Setting the time it has already is a change, and so a copy-up, that changes nothing.
    for (const path of pathsOf(run.of.tree)) {
      const { mtime } = calls.lstat(`${base}/${path}`)
      calls.utimens(`${base}/${path}`, 'omit', mtime, C.AT_SYMLINK_NOFOLLOW)
    }
  }
}

function makeCaseDirectory(parent: string, run: Run): void {
  calls.mkdir(`${parent}/${run.directory}`)
  calls.chmod(`${parent}/${run.directory}`, 0o777)
}
