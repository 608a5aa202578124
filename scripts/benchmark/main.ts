// scripts/bench: the same work on the bare directory, kernel overlayfs, fuse-overlayfs and
// plyfs. They take turns in every round, so that what else the machine does falls on all.
// Runs in a mount namespace of its own; the table goes to stdout, everything else to stderr.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { makeDisk, removeDisk, settle } from './disk.js'
import { bare } from './drivers/bare.js'
import { anyCommand, fuseOverlayfs, plyfs } from './drivers/command.js'
import type { Driver, Layers } from './drivers/driver.js'
import { kernel } from './drivers/kernel.js'
import { type Figure, type Stage, measure } from './measure.js'
import { type Options, parseOptions, usage } from './options.js'
import { machine, table } from './report.js'
import { PARTS, makeTree } from './tree.js'
import { imageLayers } from './image-layers.js'
import { imageWorkloads, workloads } from './workloads/index.js'
import type { Material, Workload } from './workloads/workload.js'

let options: Options | 'help'
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exit(2)
}
if (options === 'help') console.log(usage)
else process.exit(await bench(options))

/** Returns the exit status: 1 when a row could not be measured, or was not the same work. */
async function bench(options: Options): Promise<number> {
  const chosen = drivers(options)
  const possible = options.image === null ? workloads : imageWorkloads
  const works = possible.filter(({ name }) => options.workloads?.includes(name) ?? true)
  const about = machine(options)
  const disk = makeDisk(options)
  let wrong: string[]
  const figures: Figure[] = []
  try {
    console.error('bench: making the layers')
    const { image, size } = options
    const layers = image === null ? makeLayers(disk, options) : imageLayers(disk, image)
    const stage: Stage = {
      disk,
      layers,
      material:
        image === null
          ? makeMaterial(disk, layers, options)
          : { list: '', archive: '', size },
      client: compileClient(options),
    }
    wrong = await rounds(options, chosen, works, stage, figures)
  } finally {
    removeDisk(options, disk)
  }
  wrong.push(...differences(figures))
  print(options, chosen, figures, about)
  for (const line of wrong) console.error(`bench: ${line}`)
  return wrong.length > 0 ? 1 : 0
}

function drivers(options: Options): Driver[] {
  const overlays = [kernel(), fuseOverlayfs(), plyfs()]
  // The layers of an image lie nowhere as one tree.
  const all = options.image === null ? [bare(options.filesystem), ...overlays] : overlays
  const wanted = all.filter(({ name }) => options.drivers?.includes(name) ?? true)
  wanted.push(...options.others.map(({ name, command }) => anyCommand(name, command)))
  return wanted.filter(driver => {
    const there = driver.describe() !== null
    if (!there) console.error(`bench: ${driver.name} is not here and is left out`)
    return there
  })
}

function makeLayers(disk: string, { layers, size }: Options): Layers {
  const lowers = Array.from({ length: layers }, (_, i) => path.join(disk, `lower${i}`))
  for (const lower of lowers) fs.mkdirSync(lower)
  makeTree(lowers, size)
  let merged = lowers[0] ?? ''
  if (layers > 1) {
    merged = path.join(disk, 'merged-copy')
    fs.mkdirSync(merged)
    for (const lower of lowers) execFileSync('cp', ['-a', `${lower}/.`, merged])
  }
  const empty = path.join(disk, 'empty')
  const mountPoint = path.join(disk, 'mnt')
  fs.mkdirSync(empty)
  fs.mkdirSync(mountPoint)
  return {
    lowers: [...lowers, empty],
    merged,
    upper: path.join(disk, 'upper'),
    work: path.join(disk, 'work'),
    mountPoint,
  }
}

function makeMaterial(disk: string, layers: Layers, { size }: Options): Material {
  const list = path.join(disk, 'list')
  const archive = path.join(disk, 'archive.tar')
  const find = ['find', PARTS.tree, '-type', 'f', '-size', '-64k']
  const [program = '', ...args] = find
  const names = execFileSync(program, args, {
    cwd: layers.merged,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const sorted = names.trimEnd().split('\n').sort()
  const wanted = 5000 / size.divisor
  const step = Math.max(1, Math.floor(sorted.length / wanted))
  const some = sorted.filter((_, i) => i % step === 0).slice(0, wanted)
  fs.writeFileSync(list, `${some.join('\n')}\n`)
  execFileSync('tar', ['-cf', archive, PARTS.remove, PARTS.change], {
    cwd: layers.merged,
  })
  return { list, archive, size }
}

function compileClient({ scratch }: Options): string {
  const client = path.join(scratch, 'client')
  const source = path.join('scripts', 'benchmark', 'client.c')
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', client, source])
  return client
}

/** Fills `figures`; returns what could not be measured. */
async function rounds(
  options: Options,
  chosen: readonly Driver[],
  works: readonly Workload[],
  stage: Stage,
  figures: Figure[],
): Promise<string[]> {
  const wrong: string[] = []
  for (let round = 0; round < options.rounds; round++) {
    console.error(`bench: round ${round + 1} of ${options.rounds}`)
    for (const mode of options.modes) {
      for (const work of works.filter(({ modes }) => modes.includes(mode))) {
        // Who comes first changes from round to round.
        for (let turn = 0; turn < chosen.length; turn++) {
          const driver = chosen[(turn + round) % chosen.length]
          if (driver === undefined) continue
          settle(stage.disk)
          try {
            figures.push(...(await measure(driver, work, mode, stage)))
          } catch (error) {
            wrong.push(
              `${driver.name}, ${work.name} (${mode}): ${(error as Error).message}`,
            )
          }
        }
      }
    }
  }
  return wrong
}

/** Rows whose work was not the same everywhere. */
function differences(figures: readonly Figure[]): string[] {
  const proofs = new Map<string, Set<string>>()
  for (const { title, mode, proof, driver } of figures) {
    if (proof === '') continue
    const row = `${title} (${mode})`
    const seen = proofs.get(row) ?? new Set()
    proofs.set(row, seen.add(`${proof} by ${driver}`))
  }
  return [...proofs]
    .filter(
      ([, seen]) => new Set([...seen].map(told => told.replace(/ by .*/, ''))).size > 1,
    )
    .map(([row, seen]) => `not the same work: ${row}: ${[...seen].join(', ')}`)
}

function print(
  options: Options,
  chosen: readonly Driver[],
  figures: readonly Figure[],
  about: string,
): void {
  const names = chosen.map(driver => driver.name)
  console.log(about)
  for (const driver of chosen)
    console.log(`- ${driver.name}: ${driver.describe() ?? '?'}`)
  for (const mode of options.modes) console.log(`\n${table(figures, mode, names)}`)
  if (options.json !== null) {
    fs.writeFileSync(options.json, JSON.stringify({ about, figures }, null, 1))
  }
}
