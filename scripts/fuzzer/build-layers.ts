// Builds the lower layers of a case on a fresh image, once; the sides get copies of it. Steps of
// layers made through kernel overlayfs are found here when a case is new.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Conductor } from './conductor.js'
import { result } from './answer.js'
import { nextStep } from './generate.js'
import { kernel } from './implementations.js'
import { layerKinds, rawLayer, type Layer } from './layers.js'
import { Model } from './model.js'
import { encode, IDENTITIES, USERS, type Step } from './operation.js'
import type { Random } from './random.js'
import { run, type Filesystem, type Scratch } from './scratch.js'
import { parseTree, toModel } from './trees.js'

const OVERLAY_STEPS = 60

/** Where the steps come from: written down, or made up while the layer is being built. */
type Source = readonly Layer[] | Random

export interface Built {
  readonly image: string
  readonly layers: readonly Layer[]
}

export function buildLayers(
  scratch: Scratch,
  conductor: Conductor,
  fs: Filesystem,
  source: Source,
): Built {
  const image = scratch.emptyImage(fs)
  const disk = scratch.directory('build')
  scratch.mountImage(image, fs, disk)
  for (const user of USERS) conductor.start(user, IDENTITIES[user])
  const layers: Layer[] = []
  try {
    const wanted = Array.isArray(source) ? source : planned(source as Random)
    for (const [i, layer] of wanted.entries()) {
      mkdirSync(join(disk, `l${i}`))
      const random = Array.isArray(source) ? undefined : (source as Random)
      layers.push(
        layer.kind === 'raw' || i === 0
          ? buildRaw(conductor, join(disk, `l${i}`), layer)
          : buildThroughOverlay(scratch, conductor, disk, i, layer, random),
      )
    }
  } finally {
    for (const user of USERS) conductor.end(user)
    run('umount', ['-l', disk])
  }
  // The clock of file times lags by up to a tick: what the run makes must be newer than this.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15)
  return { image, layers }
}

function planned(random: Random): Layer[] {
  return layerKinds(random).map((kind, i) =>
    kind === 'raw' ? rawLayer(random, i === 0) : { kind, steps: [] },
  )
}

function perform(conductor: Conductor, step: Step): string {
  const [answer = 'dead'] = conductor.ask([step[0]], encode(step))
  return answer
}

function buildRaw(conductor: Conductor, directory: string, layer: Layer): Layer {
  conductor.ask(['u0'], 'umask 0')
  conductor.ask(['u0'], `root ${directory}`)
  for (const step of layer.steps) perform(conductor, step)
  conductor.ask(['u0'], 'leave')
  return layer
}

function buildThroughOverlay(
  scratch: Scratch,
  conductor: Conductor,
  disk: string,
  position: number,
  layer: Layer,
  random: Random | undefined,
): Layer {
  const lowers = Array.from({ length: position }, (_, i) => join(disk, `l${position - 1 - i}`))
  const work = join(disk, 'buildwork')
  const merged = scratch.directory('build.merged')
  mkdirSync(work)
  kernel.mount({ lowers, upper: join(disk, `l${position}`), work }, merged)
  try {
    for (const user of USERS) conductor.ask([user], `root ${merged}`)
    conductor.ask(['u0'], `umask 022`)
    const steps = random ? invent(conductor, random) : layer.steps
    if (!random) for (const step of steps) perform(conductor, step)
    for (const user of USERS) conductor.ask([user], 'leave')
    return { kind: 'overlay', steps }
  } finally {
    run('umount', ['-l', merged])
    rmSync(work, { recursive: true, force: true })
  }
}

/** Random operations on the mount that the workers are in. */
function invent(conductor: Conductor, random: Random): Step[] {
  const model = new Model()
  const [tree = ''] = conductor.ask(['u0'], 'tree .')
  model.load(toModel(parseTree(tree)))
  const steps: Step[] = []
  while (steps.length < OVERLAY_STEPS) {
    const step = nextStep(random, model, { harness: 0 })
    steps.push(step)
    if (result(perform(conductor, step)) >= 0) model.apply(step)
  }
  return steps
}
