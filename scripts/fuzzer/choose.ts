// What an operation is done to: names and values that meet each other often, chosen so that most
// operations have something to work on and are allowed.
import { O } from './flags.js'
import type { Inode, Model, OpenFile } from './model.js'
import type { Kind } from './mode.js'
import type { User } from './operation.js'
import type { Random } from './random.js'

/** A small pool, so that names collide, come back and meet what lower layers have. */
export const NAMES = [
  'a',
  'b',
  'c',
  'dir',
  'dir2',
  'sub',
  'file',
  'file2',
  'link',
  'prog',
  'x y',
  'new\nline',
  '\xff\xfe\x80',
  'caf\xc3\xa9',
  '.wh.a',
  '.wh..wh..opq',
  '#2',
  '%41',
  'work',
  'trusted.overlay.opaque',
] as const

/** 255 bytes, the longest name. Files alone get it: see the kernel's limit of redirects. */
export const LONG_NAME = 'L'.repeat(255)
export const TOO_LONG_NAME = 'T'.repeat(256)

export interface Scene {
  readonly random: Random
  readonly model: Model
  readonly user: User
  /** Whether files of the upper are opened in passthrough. */
  readonly passthrough: boolean
}

export const SLOT_COUNT = 8
const MAX_DEPTH = 5

export function anyOf(...kinds: Kind[]): (inode: Inode) => boolean {
  return inode => kinds.includes(inode.kind)
}
export const isFile = anyOf('file')
export const isDirectory = anyOf('directory')
export const isAnything = (): boolean => true

/** Not compared: 'attributes of removed lower files'. */
export function mayLieBelowRemoved({ inode, flags }: OpenFile): boolean {
  const copiedUp = inode.kind === 'file' && (flags & 3) !== O.RDONLY
  return inode.lower && inode.lostName && !copiedUp
}

/** An existing path whose inode suits and that the user may use so; or any path, rarely. */
export function existing(
  scene: Scene,
  suits: (inode: Inode) => boolean,
  bits = 0,
): string | undefined {
  const { random, model, user } = scene
  const all = [...model.paths()]
  const fit = all.filter(([, inode]) => suits(inode))
  if (fit.length === 0) return undefined
  if (random.chance(0.03)) return random.pick(all)[0]
  let path = '.'
  for (let attempt = 0; attempt < 6; attempt++) {
    const [name, inode] = random.pick(fit)
    path = name
    if (model.reaches(user, name) && model.allows(user, inode, bits)) break
  }
  return decorate(scene, path)
}

/** A name that most often does not exist, in a directory that the user may change. */
export function fresh(scene: Scene, forDirectory = false): string {
  const { random, model } = scene
  let path = 'a'
  for (let attempt = 0; attempt < 8; attempt++) {
    const parent = existingPlain(scene, isDirectory, 3) ?? '.'
    const name = newName(random, forDirectory)
    path = parent === '.' ? name : `${parent}/${name}`
    const deep = path.split('/').length > MAX_DEPTH
    if (!deep && !model.paths().has(path)) break
    if (!deep && random.chance(0.05)) break
  }
  return decorate(scene, path)
}

function newName(random: Random, forDirectory: boolean): string {
  if (!forDirectory && random.chance(0.02)) return LONG_NAME
  if (random.chance(0.01)) return TOO_LONG_NAME
  return random.pick(NAMES)
}

function existingPlain(
  { random, model, user }: Scene,
  suits: (inode: Inode) => boolean,
  bits: number,
): string | undefined {
  const fit = [...model.paths()].filter(([, inode]) => suits(inode))
  if (fit.length === 0) return undefined
  let path = '.'
  for (let attempt = 0; attempt < 6; attempt++) {
    const [name, inode] = random.pick(fit)
    path = name
    if (model.reaches(user, name) && model.allows(user, inode, bits)) break
  }
  return path
}

/** Sometimes the same place by another way: `..`, `.`, an open directory, a trailing slash. */
function decorate({ random, model, user }: Scene, path: string): string {
  if (!random.chance(0.12)) return path
  const names = path.split('/')
  if (random.chance(0.5)) {
    const slot = random.below(SLOT_COUNT)
    const base = model.slot(user, slot)?.inode
    if (base?.kind !== 'directory') return path
    if (base.parent === undefined && base !== model.root) {
      return `@${slot}/${names.at(-1) ?? '.'}`
    }
    for (const [directory, inode] of model.paths()) {
      if (inode === base && path.startsWith(directory + '/')) {
        return `@${slot}/${path.slice(directory.length + 1)}`
      }
    }
    return path
  }
  if (random.chance(0.1)) return path + '/'
  const at = random.below(names.length)
  const through = names[at - 1]
  if (at > 0 && through !== undefined) names.splice(at, 0, '..', through)
  else names.splice(at, 0, '.')
  return names.join('/')
}

/** One of the user's open files that suits; rarely a slot that has none. */
export function openSlot(
  { random, model, user }: Scene,
  suits: (file: OpenFile) => boolean,
): number | undefined {
  const fit: number[] = []
  const closed: number[] = []
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const file = model.slot(user, slot)
    if (!file) closed.push(slot)
    else if (suits(file)) fit.push(slot)
  }
  if (fit.length === 0) return undefined
  return random.pick(closed.length > 0 && random.chance(0.01) ? closed : fit)
}

/** A slot to open into: a free one if there is one, else one that is closed by it. */
export function slotFor({ random, model, user }: Scene): number {
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (!model.slot(user, slot)) return slot
  return random.below(SLOT_COUNT)
}

const SIZES = [0, 1, 100, 4095, 4096, 4097, 8192, 10_000, 65_536] as const

export function size(random: Random): number {
  if (random.chance(0.02)) return 1_000_000 + random.below(1_500_000)
  if (random.chance(0.1)) return random.below(300_000)
  return random.pick(SIZES)
}

export function offset(random: Random, inode: Inode | undefined): number {
  if (random.chance(0.5)) return random.pick([0, 0, 1, 4096, 8192, 65_536])
  return random.below((inode?.size ?? 0) + 5000)
}

export function mode(random: Random): number {
  return random.pick([
    0o644, 0o666, 0o600, 0o755, 0o777, 0o640, 0o4755, 0o2755, 0o6777, 0o444, 0,
  ])
}

export function directoryMode(random: Random): number {
  return random.pick([0o755, 0o777, 0o777, 0o775, 0o2775, 0o1777, 0o700, 0o2777])
}
