// scripts/bench: the same work on the bare directory, kernel overlayfs, fuse-overlayfs, the floor
// and plyfs. They take turns in every round, so that what else the machine does falls on all.
// Runs in namespaces of its own; the tables go to stdout, everything else to stderr.
import * as fs from 'node:fs'
import { fsyncSeconds, makeDisk, removeDisk, settle } from './disk.js'
import { bare } from './drivers/bare.js'
import {
  anyCommand,
  floor,
  fuseOverlayfs,
  plyfs,
  plyfsByFuseNative,
} from './drivers/command.js'
import type { Driver } from './drivers/driver.js'
import { kernel } from './drivers/kernel.js'
import { differences, type Failure, type Figure } from './figures.js'
import { floorTargets } from './floor-targets.js'
import { type Filesystem, type Options, parseOptions, usage } from './options.js'
import { compilePrograms, type Programs } from './programs.js'
import { loadAverage, machine, table, verdictTable } from './report.js'
import { Stage } from './stage.js'
import { judge, type Target, type Verdict } from './targets.js'
import type { Turn } from './turns.js'
import { workloads } from './workloads/index.js'
import type { Workload } from './workloads/workload.js'

// Certificates that a machine gives to Node cost each start of Node some 30 ms, and are no part of
// what is measured here.
Reflect.deleteProperty(process.env, 'NODE_EXTRA_CA_CERTS')

let options: Options | 'help' | 'list'
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exit(2)
}
if (options === 'help') console.log(usage)
else if (options === 'list') list()
else process.exit(await bench(options).catch(failed))

function list(): void {
  for (const { name, ids } of workloads) console.log(`${ids.join(', ')}: ${name}`)
}

function failed(error: unknown): number {
  console.error(`bench: ${(error as Error).message}`)
  return 2
}

/** What one filesystem showed. */
interface Findings {
  readonly figures: readonly Figure[]
  readonly failures: readonly Failure[]
}

/** Returns the exit status: 1 when a row could not be measured, or was not the same work. */
async function bench(options: Options): Promise<number> {
  const works = workloads.filter(({ name, ids }) => isWanted(options, [name, ...ids]))
  if (works.length === 0) throw new Error('no such row; --list tells them')
  const programs = compilePrograms()
  console.log(machine(options))
  for (const driver of drivers(options, programs))
    console.log(`- ${driver.name}: ${driver.describe() ?? '?'}`)
  const found = new Map<Filesystem, Findings>()
  for (const filesystem of options.filesystems) {
    const disk = makeDisk(options.scratch, filesystem)
    try {
      const stage = new Stage(disk, filesystem, programs, options)
      found.set(filesystem, await measureAll(options, works, stage))
    } finally {
      removeDisk(disk)
    }
  }
  return conclude(options, works, found)
}

function isWanted({ only }: Options, names: readonly string[]): boolean {
  return only === null || names.some(name => only.includes(name))
}

function drivers(options: Options, programs: Programs): readonly Driver[] {
  const all = [
    bare(),
    kernel(),
    fuseOverlayfs(),
    floor(programs.floor),
    plyfs(),
    plyfsByFuseNative(),
  ]
  const others = options.others.map(({ name, command }) => anyCommand(name, command))
  return [...all, ...others].filter(driver => {
    if (!driver.added && options.drivers?.includes(driver.name) === false) return false
    const there = driver.describe() !== null
    if (!there) console.error(`bench: ${driver.name} is not here and is left out`)
    return there
  })
}

/** All rounds on one disk, with a table at the end. */
async function measureAll(
  options: Options,
  works: readonly Workload[],
  stage: Stage,
): Promise<Findings> {
  const figures: Figure[] = []
  const failures: Failure[] = []
  const fsync = (fsyncSeconds(stage.disk) * 1000).toFixed(2)
  const before = loadAverage()
  for (let round = 0; round < options.rounds; round++) {
    const turn: Turn = {
      round,
      stage,
      drivers: drivers(options, stage.programs),
      modes: options.modes,
      wants: driver => options.drivers?.includes(driver) ?? true,
      failed: (driver, work, error) => {
        const reason = (error as Error).message.trim()
        failures.push({ driver, work, reason })
        console.error(`bench: ${driver} cannot do ${work}: ${reason}`)
      },
    }
    stage.warm()
    for (const work of works) {
      const at = `${stage.filesystem}, round ${round + 1} of ${options.rounds}`
      console.error(`bench: ${at}: ${work.name} (load ${loadAverage()})`)
      settle(stage.disk)
      try {
        figures.push(...(await work.run(turn)))
      } catch (error) {
        turn.failed('the benchmark', work.name, error)
      }
    }
  }
  const load = `load before ${before}, after ${loadAverage()}`
  console.log(`\n## ${stage.filesystem}: an fsync takes ${fsync} ms; ${load}`)
  for (const mode of [...options.modes, null]) {
    const text = table(figures, mode)
    if (text !== null) console.log(`\n${text}`)
  }
  return { figures, failures }
}

/** Prints what was reached and what went wrong. */
function conclude(
  options: Options,
  works: readonly Workload[],
  found: ReadonlyMap<Filesystem, Findings>,
): number {
  const asked = [...works.flatMap(work => work.targets(options.size)), ...floorTargets]
  const measured = (target: Target) =>
    [...found.values()].some(({ figures }) => judge(target, figures).met !== null)
  const targets = asked.filter(
    target =>
      (target.mode === null || options.modes.includes(target.mode)) &&
      (works.some(({ ids }) => ids.includes(target.row)) || measured(target)) &&
      (target.driver === 'plyfs' || measured(target)),
  )
  const verdicts = new Map<Filesystem, Verdict[]>()
  for (const [filesystem, { figures }] of found)
    verdicts.set(
      filesystem,
      targets.map(target => judge(target, figures)),
    )
  console.log(`\n## Targets\n\n${verdictTable(verdicts)}`)
  const wrong = [...found].flatMap(([filesystem, { figures, failures }]) => [
    ...reasons(failures).map(line => `${filesystem}: ${line}`),
    ...differences(figures).map(line => `${filesystem}: ${line}`),
  ])
  for (const line of wrong) console.log(`\nbench: ${line}`)
  if (options.json !== null) {
    const findings = [...found].map(([filesystem, all]) => ({
      filesystem,
      ...all,
      verdicts: verdicts.get(filesystem),
    }))
    fs.writeFileSync(options.json, JSON.stringify(findings, null, 1))
  }
  return wrong.length > 0 ? 1 : 0
}

/** Each reason once, whatever the number of rounds. */
function reasons(failures: readonly Failure[]): string[] {
  const lines = failures.map(f => `${f.driver} cannot do ${f.work}: ${f.reason}`)
  return [...new Set(lines)]
}
