// Builds the lower layers of a case on a fresh image, once; the sides get copies of it. Steps of
// layers made through kernel overlayfs are found here when a case is new.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Conductor } from './conductor.js'
import { result } from './answer.js'
import { nextStep } from './generate.js'
import { kernel } from './implementations.js'
import { layerKinds, rawLayer, type Below, type Layer } from './layers.js'
import { Model } from './model.js'
import { encode, IDENTITIES, number, text, USERS, type Step } from './operation.js'
import type { Random } from './random.js'
import { run, type Filesystem, type Scratch } from './scratch.js'
import { parseTree, toModel, type TreeEntry } from './trees.js'

const OVERLAY_STEPS = 60

/** Where the layers come from: written down, or made up while they are being built. */
export type Source =
  | { readonly layers: readonly Layer[]; readonly random?: undefined }
  | { readonly random: Random; readonly layers?: undefined }

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
  const site: Site = { scratch, conductor, disk, random: source.random }
  const layers: Layer[] = []
  try {
    const kinds = source.random
      ? layerKinds(source.random)
      : source.layers.map(l => l.kind)
    for (const [i, kind] of kinds.entries()) {
      mkdirSync(join(disk, `l${i}`))
      const layer = source.layers?.[i]
      const raw = kind === 'raw' || i === 0
      layers.push(raw ? buildRaw(site, i, layer) : buildThroughOverlay(site, i, layer))
    }
  } finally {
    for (const user of USERS) conductor.end(user)
    run('umount', ['-l', disk])
  }
  // The clock of file times lags by up to a tick: what the run makes must be newer than this.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15)
  return { image, layers }
}

/** Where layers are built, and the source of new ones. */
interface Site {
  readonly scratch: Scratch
  readonly conductor: Conductor
  readonly disk: string
  readonly random: Random | undefined
}

function perform(conductor: Conductor, step: Step): string {
  const [answer = 'dead'] = conductor.ask([step[0]], encode(step))
  return answer
}

function buildRaw(site: Site, position: number, given: Layer | undefined): Layer {
  const { conductor, disk, random } = site
  const layer = given ?? rawLayer(known(random), shownBelow(site, position))
  conductor.ask(['u0'], 'umask 0')
  conductor.ask(['u0'], `root ${join(disk, `l${position}`)}`)
  for (const step of layer.steps) perform(conductor, step)
  conductor.ask(['u0'], 'leave')
  return layer
}

function known(random: Random | undefined): Random {
  if (!random) throw new Error('a layer is missing')
  return random
}

/** What the layers built so far show together. */
function shownBelow(site: Site, position: number): Below {
  if (position === 0) return { directories: new Set(), names: [] }
  return throughOverlay(site, position, join(site.disk, 'nothing'), conductor => {
    const entries = treeOf(conductor).filter(entry => entry.path !== '.' && !entry.error)
    const directories = entries.filter(entry => (entry.mode & 0o170000) === 0o040000)
    return {
      directories: new Set(directories.map(entry => entry.path)),
      names: entries.map(entry => entry.path),
    }
  })
}

function buildThroughOverlay(
  site: Site,
  position: number,
  given: Layer | undefined,
): Layer {
  return throughOverlay(site, position, join(site.disk, `l${position}`), conductor => {
    conductor.ask(['u0'], `umask 022`)
    if (!given) return { kind: 'overlay', steps: invent(conductor, known(site.random)) }
    for (const step of given.steps) perform(conductor, step)
    return given
  })
}

/** Mounts the layers below `position` with that upper and lets the workers in. */
function throughOverlay<T>(
  { scratch, conductor, disk }: Site,
  position: number,
  upper: string,
  work: (conductor: Conductor) => T,
): T {
  const lowers = Array.from({ length: position }, (_, i) =>
    join(disk, `l${position - 1 - i}`),
  )
  const workdir = join(disk, 'buildwork')
  const merged = scratch.mountPoint('side.build')
  mkdirSync(workdir)
  mkdirSync(upper, { recursive: true })
  kernel.mount({ lowers, upper, work: workdir }, merged)
  try {
    for (const user of USERS) conductor.ask([user], `root ${merged}`)
    const value = work(conductor)
    for (const user of USERS) conductor.ask([user], 'leave')
    return value
  } finally {
    run('umount', ['-l', merged])
    rmSync(workdir, { recursive: true, force: true })
    if (upper.endsWith('/nothing')) rmSync(upper, { recursive: true, force: true })
  }
}

function treeOf(conductor: Conductor): TreeEntry[] {
  const [tree = 'dead'] = conductor.ask(['u0'], 'tree .')
  return parseTree(tree)
}

/** Not compared: 'names of copied-up hard links'. */
function spreadsLinks(model: Model, [who, name, first, second]: Step): boolean {
  if (who === '*' || !['link', 'linkslot', 'rename'].includes(name)) return false
  const to = model.find(who, text(second), false)
  const from =
    name === 'linkslot' ? undefined : model.find(who, text(first), name === 'link')
  if (name === 'linkslot') return (model.slot(who, number(first))?.inode.links ?? 0) > 0
  if (from?.parent === to?.parent) return false
  if (name === 'link') return true
  const shared = [from?.inode, to?.inode].filter(
    i => i && i.kind !== 'directory' && i.links > 1,
  )
  return shared.length > 0
}

/** Random operations on the mount that the workers are in. */
function invent(conductor: Conductor, random: Random): Step[] {
  const model = new Model()
  model.load(toModel(treeOf(conductor)))
  const steps: Step[] = []
  while (steps.length < OVERLAY_STEPS) {
    const step = nextStep(random, model, { harness: 0, passthrough: true })
    if (spreadsLinks(model, step)) continue
    steps.push(step)
    if (result(perform(conductor, step)) >= 0) model.apply(step)
  }
  return steps
}
