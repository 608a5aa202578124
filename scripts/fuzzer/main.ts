// scripts/fuzz: runs random or recorded cases and reports. Runs inside a mount namespace and a
// process namespace of its own, so that nothing is left behind.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildLayers, type Built } from './build-layers.js'
import { readCase, tell, writeCase, type Case } from './case.js'
import { Conductor } from './conductor.js'
import { describe } from './flags.js'
import { before, nextStep, observe } from './generate.js'
import { implementation, kernel, TARGETS, type Target } from './implementations.js'
import type { Step } from './operation.js'
import type { Model } from './model.js'
import { unreached, UNREACHABLE } from './opcodes.js'
import { projectRoot } from './project.js'
import { Random } from './random.js'
import { runCase, type RunResult } from './run-case.js'
import { FILESYSTEMS, Scratch, type Filesystem } from './scratch.js'
import { shrink } from './shrink.js'
import { Tally } from './tally.js'

interface Settings {
  readonly operations: number
  readonly seed: number
  readonly filesystems: readonly Filesystem[]
  readonly until: number
  readonly target: Target
  readonly options: string
  readonly caseLength: number
  readonly save: string
  readonly shrinking: boolean
  readonly keepGoing: boolean
  readonly lookPast: RegExp | undefined
  readonly trace: boolean
}

class Fuzzer {
  readonly tally = new Tally()
  readonly #scratch: Scratch
  readonly #conductor: Conductor
  #kept: { readonly key: string; readonly built: Built } | undefined

  readonly settings: Settings

  constructor(settings: Settings) {
    this.settings = settings
    this.#scratch = new Scratch(`/tmp/plyfs-fuzz.${process.pid}.${Date.now()}`)
    this.#conductor = new Conductor(this.#scratch.root)
  }

  close(): void {
    this.#conductor.close()
    this.#scratch.close()
  }

  /** A random case of that length; the steps are found while it runs. */
  random(
    seed: number,
    fs: Filesystem,
    length: number,
    options: string,
  ): Case | undefined {
    const random = new Random(seed)
    const built = buildLayers(this.#scratch, this.#conductor, fs, { random })
    const watching = random.pick([0, 0.3, 1])
    const pending: Step[] = []
    const passthrough = !options.split(',').includes('passthrough=off')
    const half = Math.floor(length / 2)
    let count = 0
    const next = (model: Model): Step | undefined => {
      if (count++ >= length) return undefined
      // What one has left, the other takes over.
      if (count === half) return ['*', 'swap']
      const planned = pending.shift()
      if (planned) return planned
      const step = nextStep(random, model, { harness: 0.006, passthrough })
      const first = before(step)
      if (first) pending.push(step)
      if (random.chance(watching)) pending.push(...observe(step))
      return first ?? step
    }
    const { steps, finding } = this.#run(fs, built, options, next, this.tally)
    this.#scratch.removeImage(built.image)
    if (!finding) return undefined
    const found = `${finding.kind}: ${finding.text}`
    say(`seed ${seed} on ${fs}, step ${steps.length}: ${found}`)
    const whole: Case = {
      fs,
      layers: built.layers,
      steps,
      options,
      found,
    }
    if (!this.settings.shrinking) return whole
    return shrink(whole, finding.kind, candidate => this.replay(candidate), say)
  }

  replay(value: Case): { finding: RunResult['finding']; stepsUsed: number } {
    const built = this.#built(value)
    const left = [...value.steps]
    const next = (): Step | undefined => left.shift()
    const { finding, steps } = this.#run(value.fs, built, value.options, next, undefined)
    return { finding, stepsUsed: steps.length }
  }

  /** The layers of the last case are kept: shrinking tries many steps on the same ones. */
  #built(value: Case): Built {
    const key = JSON.stringify([value.fs, value.layers])
    if (this.#kept?.key !== key) {
      if (this.#kept) this.#scratch.removeImage(this.#kept.built.image)
      this.#kept = undefined
      this.#kept = {
        key,
        built: buildLayers(this.#scratch, this.#conductor, value.fs, value),
      }
    }
    return this.#kept.built
  }

  #run(
    fs: Filesystem,
    built: Built,
    options: string,
    next: (model: Model) => Step | undefined,
    tally: Tally | undefined,
  ): RunResult {
    return runCase({
      scratch: this.#scratch,
      conductor: this.#conductor,
      image: built.image,
      fs,
      layerCount: built.layers.length,
      first: kernel,
      second: implementation(this.settings.target, options),
      next,
      tally,
      lookPast: this.settings.lookPast,
      trace: this.settings.trace
        ? (step, answers) => {
            say(`${describe(step)}: ${answers.join(' | ')}`)
          }
        : undefined,
    })
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function readSettings(): {
  settings: Settings
  replay: readonly string[]
  shorten: readonly string[]
} {
  const { values } = parseArgs({
    options: {
      ops: { type: 'string', default: '20000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      fs: { type: 'string', default: FILESYSTEMS.join(',') },
      minutes: { type: 'string' },
      replay: { type: 'string', multiple: true, default: [] },
      shrink: { type: 'string', multiple: true, default: [] },
      target: { type: 'string', default: 'plyfs' },
      options: { type: 'string', default: '' },
      length: { type: 'string', default: '1000' },
      save: { type: 'string', default: join(projectRoot(), 'test/fuzz/cases') },
      'no-shrink': { type: 'boolean', default: false },
      'look-past': { type: 'string' },
      'keep-going': { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
    },
  })
  const target = TARGETS.find(name => name === values.target)
  if (!target) throw new Error(`--target is one of ${TARGETS.join(', ')}`)
  const named = values.fs.split(',')
  const filesystems = FILESYSTEMS.filter(name => named.includes(name))
  if (filesystems.length === 0)
    throw new Error(`--fs is one of ${FILESYSTEMS.join(', ')}`)
  const minutes = values.minutes === undefined ? 0 : Number(values.minutes)
  const settings: Settings = {
    operations: minutes > 0 ? Infinity : Number(values.ops),
    seed: Number(values.seed),
    filesystems,
    until: minutes > 0 ? Date.now() + minutes * 60_000 : Infinity,
    target,
    options: values.options,
    caseLength: Number(values.length),
    save: values.save,
    shrinking: !values['no-shrink'],
    keepGoing: values['keep-going'],
    trace: values.trace,
    lookPast:
      values['look-past'] === undefined ? undefined : new RegExp(values['look-past']),
  }
  return { settings, replay: values.replay, shorten: values.shrink }
}

/** Runs recorded cases; the number that show a difference. */
function replayAll(fuzzer: Fuzzer, files: readonly string[]): number {
  let failures = 0
  for (const file of files) {
    const value = readCase(file)
    const { finding } = fuzzer.replay(value)
    if (finding) failures++
    say(finding ? `not ok ${file}: ${finding.kind}: ${finding.text}` : `ok ${file}`)
    if (finding) say(tell(value))
  }
  return failures
}

/** Shortens recorded cases; the number that still show a difference. */
function shortenAll(fuzzer: Fuzzer, files: readonly string[]): number {
  let failures = 0
  for (const file of files) {
    const value = readCase(file)
    const { finding, stepsUsed } = fuzzer.replay(value)
    say(finding ? `${file}: ${finding.kind}: ${finding.text}` : `${file}: no difference`)
    if (!finding) continue
    failures++
    const found = `${finding.kind}: ${finding.text}`
    const whole: Case = { ...value, steps: value.steps.slice(0, stepsUsed), found }
    report(
      fuzzer.settings,
      shrink(whole, finding.kind, each => fuzzer.replay(each), say),
      0,
    )
  }
  return failures
}

/** Runs random cases until there are enough operations; the number that show a difference. */
function fuzz(fuzzer: Fuzzer): number {
  const { settings, tally } = fuzzer
  let failures = 0
  for (
    let i = 0;
    tally.operations < settings.operations && Date.now() < settings.until;
    i++
  ) {
    const fs = settings.filesystems[i % settings.filesystems.length] ?? 'ext4'
    const seed = settings.seed + i
    const length = Math.min(settings.caseLength, settings.operations - tally.operations)
    const failed = fuzzer.random(seed, fs, length, settings.options)
    if (!failed) continue
    failures++
    report(settings, failed, seed)
    if (!settings.keepGoing) break
  }
  return failures
}

function report(settings: Settings, failed: Case, seed: number): void {
  mkdirSync(settings.save, { recursive: true })
  const slug = (failed.found ?? '')
    .replace(/\d{8,}[^]*|\n[^]*/, '')
    .replace(/[^a-z0-9]+/gi, '-')
  const file = join(settings.save, `${failed.fs}-${seed}-${slug.slice(0, 50)}.json`)
  writeCase(file, failed)
  say(
    `${failed.found ?? ''}\n${settings.shrinking ? tell(failed) + '\n' : ''}saved as ${file}`,
  )
}

/** Opcodes that should have been reached. */
function missingOpcodes(settings: Settings, tally: Tally): string[] {
  if (settings.target !== 'plyfs') return []
  const counts = [...tally.requests]
    .sort()
    .map(([name, count]) => `  ${name.padEnd(20)} ${count}`)
  say(['requests of plyfs by opcode', ...counts].join('\n'))
  for (const [name, reason] of Object.entries(UNREACHABLE))
    say(`not reached: ${name}: ${reason}`)
  return unreached(tally.requests)
}

function main(): number {
  const { settings, replay, shorten } = readSettings()
  const fuzzer = new Fuzzer(settings)
  try {
    if (replay.length > 0) return replayAll(fuzzer, replay) > 0 ? 1 : 0
    if (shorten.length > 0) return shortenAll(fuzzer, shorten) > 0 ? 1 : 0
    say(`seed ${settings.seed}, ${settings.target} against kernel overlayfs`)
    const begin = Date.now()
    const failures = fuzz(fuzzer)
    say(fuzzer.tally.table())
    const missing = missingOpcodes(settings, fuzzer.tally)
    if (missing.length > 0) say(`opcodes never reached: ${missing.join(' ')}`)
    const seconds = Math.round((Date.now() - begin) / 1000)
    say(`${failures} differences, ${seconds} s, seed ${settings.seed}`)
    const rare = fuzzer.tally.successes * 2 < fuzzer.tally.operations
    if (rare) say('fewer than half of the operations have succeeded')
    // A shorter run may miss what is rare; the test takes its runs together.
    const lacks = missing.length > 0 && fuzzer.tally.operations >= 20_000
    return failures > 0 || lacks || rare ? 1 : 0
  } finally {
    fuzzer.close()
  }
}

process.exitCode = main()
