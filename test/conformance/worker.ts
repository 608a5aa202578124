// The process that runs the cases of the POSIX suite on a directory and reports each over its IPC
// channel. It may hang in a call on the mount: the suite that started it serves nothing and
// watches it from outside.
import { Agent } from '../helpers/agent.js'
import { note, startTrace, traced } from '../helpers/trace.js'
import type { User } from '../helpers/users.js'
import { allRuns, prepareBelow, prepareThrough, type Below, type Run } from './place.js'
import { Violation, type Context, type Origin } from './property.js'

/** What the worker is told, in its only argument. */
export interface Order {
  /** What to do with the runs: make what they find below, or do them in a directory. */
  readonly task: { readonly prepare: Below } | { readonly dir: string }
  readonly origins: readonly Origin[]
  /** The runs, by id. */
  readonly ids: readonly string[]
}

/** What it tells: each run when it begins and when it ends. */
export type Report =
  | { readonly kind: 'begin'; readonly id: string }
  | {
      readonly kind: 'end'
      readonly id: string
      readonly milliseconds: number
      readonly failure?: Failure
    }

export interface Failure {
  /** One line. */
  readonly message: string
  /** The errno's name, when an unexpected error carried one. */
  readonly code?: string
  readonly trace: readonly string[]
  readonly stack?: string
}

class CaseContext implements Context {
  readonly dir: string
  readonly #deferred: (() => void)[] = []

  constructor(dir: string) {
    this.dir = dir
  }

  at(...names: string[]): string {
    return [this.dir, ...names].join('/')
  }

  async agent(user?: User): Promise<Agent> {
    const agent = await Agent.start(user)
    this.defer(() => agent.kill())
    return agent
  }

  defer(action: () => void): void {
    this.#deferred.push(action)
  }

  end(): void {
    for (const action of this.#deferred.reverse()) action()
  }
}

async function runOne(run: Run, dir: string): Promise<Failure | undefined> {
  const context = new CaseContext(`${dir}/${run.directory}`)
  startTrace(context.dir)
  try {
    prepareThrough(run, dir)
    note('prepared')
    await run.of.run(context)
    return undefined
  } catch (error) {
    return describe(error)
  } finally {
    context.end()
  }
}

function describe(error: unknown): Failure {
  const trace = traced()
  if (!(error instanceof Error)) return { message: String(error), trace }
  const code = 'code' in error ? { code: String(error.code) } : {}
  const where = error.stack?.split('\n').find(line => line.includes('/posix/'))
  const stack = where === undefined ? {} : { stack: where.trim() }
  const message =
    error instanceof Violation ? error.message : `unexpected ${error.message}`
  return { message, trace, ...code, ...stack }
}

function tell(report: Report): void {
  process.send?.(report)
}

async function work({ task, origins, ids }: Order): Promise<void> {
  const wanted = new Set(ids)
  const runs = allRuns(origins, []).filter(run => wanted.has(run.id))
  if ('prepare' in task) {
    for (const run of runs) prepareBelow(run, task.prepare)
    return
  }
  for (const run of runs) {
    tell({ kind: 'begin', id: run.id })
    const start = performance.now()
    const failure = await runOne(run, task.dir)
    const milliseconds = Math.round(performance.now() - start)
    const failed = failure === undefined ? {} : { failure }
    tell({ kind: 'end', id: run.id, milliseconds, ...failed })
  }
}

process.umask(0o022)
await work(JSON.parse(process.argv[2] ?? '') as Order)
process.disconnect()
