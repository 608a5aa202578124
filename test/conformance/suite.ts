// Runs the POSIX suite on one target and reports every case as one assertion. The cases run in a
// worker process; this process prepares layers, watches the worker's time, and touches no mount.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { agentProgram } from '../helpers/agent.js'
import { describeHang } from '../helpers/hang.js'
import { isolated } from '../helpers/isolated.js'
import { within } from '../helpers/mounted.js'
import { run as runProgram } from '../helpers/run.js'
import { describeTree } from '../helpers/tree.js'
import { exclusionOf, readExclusions, type Exclusion } from './exclusions.js'
import { allRuns, lacking, type Below, type Run } from './place.js'
import type { Ground, Site, Target } from './targets.js'
import type { Failure, Order, Report } from './worker.js'

/** How often a dead or hung mount is mounted again before the suite gives up. */
const RESTARTS = 8
/** The mount has lost its server. */
const DEAD = new Set(['ENOTCONN', 'ECONNABORTED'])

/**
 * The whole of a conformance test file. Words on the command line select cases; `-o OPTIONS` adds
 * mount options, for who wants to see the suite in another mode.
 */
export async function posixSuite(url: string, target: Target): Promise<void> {
  const { t } = await isolated(url)
  // Each case has its own limit, and the outer process watches for silence.
  t.setTimeout(0)
  const { words, options } = readArguments(process.argv.slice(2))
  await new Suite(t, target).run(words, options)
}

function readArguments(args: readonly string[]): { words: string[]; options: string[] } {
  const words: string[] = []
  const options: string[] = []
  args.forEach((argument, i) => {
    if (args[i - 1] === '-o') options.push(argument)
    else if (argument !== '-o') words.push(argument)
  })
  return { words, options }
}

class Suite {
  readonly #t: Test
  readonly #target: Target
  readonly #exclusions: readonly Exclusion[]
  readonly #times: { readonly id: string; readonly milliseconds: number }[] = []

  constructor(t: Test, target: Target) {
    this.#t = t
    this.#target = target
    this.#exclusions = readExclusions(target.exclusions)
  }

  async run(words: readonly string[], options: readonly string[]): Promise<void> {
    const { offers, origins } = this.#target
    await agentProgram()
    const ground = await this.#target.prepare(options)
    const runs = allRuns(origins, words).filter(run => {
      const need = lacking(run, offers)
      if (need !== undefined) this.#t.pass(run.id, { skip: `needs ${need}` })
      return need === undefined
    })
    await this.#prepare(runs, ground)
    const before = this.#lowers(ground.below)
    await this.#runAll(runs, ground)
    this.#slowest()
    if (ground.work === undefined) return
    this.#t.same(this.#lowers(ground.below), before, 'the lower layers are unchanged')
    this.#checkWork(ground.work)
  }

  /** By a worker: what the user who runs the cases finds below is his own. */
  async #prepare(runs: readonly Run[], ground: Ground): Promise<void> {
    const worker = this.#start(runs, { prepare: ground.below }, ground)
    const [status] = (await once(worker, 'exit')) as [number | null]
    if (status !== 0) throw new Error('the layers could not be prepared')
  }

  /** What no mount may change, times included. */
  #lowers({ bottom, top }: Below): string[] {
    if (top === undefined) return []
    return [bottom, top].flatMap(layer => describeTree(layer, { times: true }))
  }

  /** Temporaries are gone: `work/work` is there and empty but for what the formats keep there. */
  #checkWork(work: string): void {
    const directory = `${work}/work`
    const left = fs.existsSync(directory) ? describeTree(directory) : []
    // The one whiteout that is linked for each use stays, as with the kernel.
    const expected = /^(\. |\.\/incompat[ /]|\.\/#[0-9a-f]+ c0000 \d+:\d+ 0:0$)/
    const temporary = left.filter(line => !expected.test(line))
    this.#t.same(temporary, [], 'nothing is left in the work directory')
  }

  async #runAll(runs: readonly Run[], ground: Ground): Promise<void> {
    let rest = [...runs]
    for (let mounts = 0; rest.length > 0; mounts++) {
      if (mounts > RESTARTS) {
        for (const run of rest)
          this.#t.fail(`${run.id} (not run: the mount died too often)`)
        return
      }
      const site = await ground.mount()
      const done = await this.#session(rest, site, ground)
      rest = rest.slice(done)
      if (rest.length === 0) await this.#removeAll(site, ground)
      const troubles = (await site.mounted?.end()) ?? []
      this.#t.same(troubles, [], 'the mount ended well')
      if (troubles.length > 0) this.#say(site.mounted?.log() ?? '')
    }
  }

  /** One worker on one mount; how many runs it got through. */
  async #session(runs: readonly Run[], site: Site, ground: Ground): Promise<number> {
    const worker = this.#start(runs, { dir: site.dir }, ground)
    const watched = new WorkerWatch(worker, site)
    let done = 0
    for (const run of runs) {
      const result = await watched.next(run)
      done += 1
      this.#result(run, result.failure)
      this.#times.push({ id: run.id, milliseconds: result.milliseconds })
      if (result.over) {
        this.#say(site.mounted?.log() ?? '')
        break
      }
    }
    await watched.end()
    return done
  }

  #start(runs: readonly Run[], task: Order['task'], ground: Ground): ChildProcess {
    const ids = runs.map(run => run.id)
    const order: Order = { task, origins: this.#target.origins, ids }
    const file = fileURLToPath(new URL('./worker.js', import.meta.url))
    const [program, ...args] = [...(ground.enter ?? []), process.execPath]
    return fork(file, [JSON.stringify(order)], {
      stdio: ['ignore', 2, 2, 'ipc'],
      execArgv: args,
      execPath: program,
      ...(this.#target.user ?? {}),
    })
  }

  #result(run: Run, failure: Failure | undefined): void {
    const exclusion = exclusionOf(this.#exclusions, run.of.id, run.origin)
    if (exclusion !== undefined) {
      if (failure === undefined && !exclusion.varies) {
        this.#t.fail(`${run.id} is excluded but passes (${exclusion.reason})`)
      } else {
        this.#t.pass(run.id, { skip: `excluded: ${exclusion.reason}` })
      }
      return
    }
    if (failure === undefined) {
      this.#t.pass(run.id)
      return
    }
    const { message, trace, stack } = failure
    const where = stack === undefined ? {} : { where: stack }
    this.#t.fail(`${run.id}: ${message}`, { at: null, stack: '', ...where, calls: trace })
  }

  /** rm -r of everything that the cases left is a case of its own: `suite/rm -r`. */
  async #removeAll(site: Site, { enter = [] }: Ground): Promise<void> {
    // An ordinary user first needs the right to look into what he has closed.
    const script = 'chmod -R u+rwx "$0" && find "$0" -mindepth 1 -delete'
    const [program, ...args] = [...enter, 'sh', '-c', script, site.dir]
    const removed = await runProgram(program, args, {
      limit: 60_000,
      ...(this.#target.user ?? {}),
    })
    const what = 'everything that the cases left can be removed'
    const exclusion = exclusionOf(this.#exclusions, 'suite/rm -r', 'new')
    if (exclusion !== undefined) {
      if (removed.status === 0) this.#t.fail(`${what}, and is excluded`)
      else this.#t.pass(what, { skip: `excluded: ${exclusion.reason}` })
      return
    }
    const said = removed.status === 0 ? {} : { stderr: removed.stderr.slice(0, 2000) }
    this.#t.equal(removed.status, 0, what, said)
  }

  /** Where the time went, for who wants the suite to stay fast. */
  #slowest(): void {
    const sum = this.#times.reduce((total, { milliseconds }) => total + milliseconds, 0)
    const slow = this.#times.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, 8)
    const list = slow.map(({ id, milliseconds }) => `${id} ${milliseconds} ms`)
    this.#t.comment(
      `${this.#times.length} cases in ${sum} ms; slowest: ${list.join(', ')}`,
    )
  }

  #say(text: string): void {
    for (const line of text.split('\n').slice(-40)) {
      if (line !== '') this.#t.comment(`server: ${line}`)
    }
  }
}

interface Result {
  readonly failure: Failure | undefined
  readonly milliseconds: number
  /** The worker or the mount cannot go on. */
  readonly over: boolean
}

/** The worker's reports in order, each awaited for as long as its case may take. */
class WorkerWatch {
  readonly #worker: ChildProcess
  readonly #site: Site
  readonly #exit: Promise<string>
  readonly #results = new Map<string, Omit<Result, 'over'>>()
  #arrived: () => void = () => undefined

  constructor(worker: ChildProcess, site: Site) {
    this.#worker = worker
    this.#site = site
    this.#exit = new Promise(resolve => {
      worker.on('exit', (code, signal) => resolve(signal ?? `status ${code ?? '?'}`))
      worker.on('error', error => resolve(error.message))
    })
    worker.on('message', message => {
      const report = message as Report
      if (report.kind !== 'end') return
      const { failure, milliseconds } = report
      this.#results.set(report.id, { failure, milliseconds })
      this.#arrived()
    })
  }

  async next(run: Run): Promise<Result> {
    const arrived = new Promise<void>(resolve => {
      this.#arrived = resolve
      if (this.#results.has(run.id)) resolve()
    })
    const gone = this.#exit.then(end => end)
    const inTime = await within(Promise.race([arrived, gone]), run.of.limit)
    const result = this.#results.get(run.id)
    if (result !== undefined) {
      const code = result.failure?.code
      return { ...result, over: code !== undefined && DEAD.has(code) }
    }
    if (inTime) {
      const message = `the worker ended (${await gone})`
      return { failure: { message, trace: [] }, milliseconds: 0, over: true }
    }
    const trace = describeHang(this.#worker.pid ?? process.pid).split('\n')
    const own = describeHang(process.pid).split('\n')
    await this.#break()
    const message = `hangs (no result after ${run.of.limit / 1000} s)`
    const failure = { message, trace: [...trace, ...own] }
    return { failure, milliseconds: run.of.limit, over: true }
  }

  async end(): Promise<void> {
    if (!(await within(this.#exit, 10_000))) await this.#break()
  }

  async #break(): Promise<void> {
    this.#worker.kill('SIGKILL')
    if (await within(this.#exit, 1000)) return
    this.#site.mounted?.abort()
    await within(this.#exit, 3000)
  }
}
