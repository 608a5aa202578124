// Random lower layers, as steps that any run can repeat: one kind is built by hand (files of all
// types, whiteouts, opaque directories, redirects, attributes, hard links), the other is what
// kernel overlayfs leaves in an upper after random operations over the layers below.
import { directoryMode, LONG_NAME, mode, NAMES, size } from './choose.js'
import { O } from './flags.js'
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } from './mode.js'
import type { Argument, Step } from './operation.js'
import type { Random } from './random.js'
import { acl, ATTRIBUTES, plain } from './values.js'

export interface Layer {
  /** `raw` steps act on the layer's own directory, `overlay` ones on a mount with it as upper. */
  readonly kind: 'raw' | 'overlay'
  readonly steps: readonly Step[]
}

const ENTRIES = 30
const MAX_DEPTH = 4

/** What the layers below show together. */
export interface Below {
  /** Paths without a slash at the end; the root is not among them. */
  readonly directories: ReadonlySet<string>
  readonly names: readonly string[]
}

/** What one layer is being filled with. */
class Builder {
  readonly steps: Step[] = []
  /** '' for the root, the others with a slash at the end. */
  readonly directories: string[] = ['']
  /** Those of them that merge with one below. */
  readonly merged = new Set([''])
  readonly files: string[] = []
  readonly taken = new Set<string>()
  readonly random: Random
  readonly below: Below

  constructor(random: Random, below: Below) {
    this.random = random
    this.below = below
  }

  addDirectory(path: string, opaque: boolean): void {
    this.directories.push(path + '/')
    const visible = this.below.directories.has(path) && this.merged.has(parentOf(path))
    if (visible && !opaque) this.merged.add(path + '/')
  }

  add(name: string, ...args: Argument[]): void {
    this.steps.push(['u0', name, ...args])
  }

  /** A name of this layer that is free; from the operations' pool as long as there are such. */
  path(forDirectory = false): string {
    for (let attempt = 0; ; attempt++) {
      const parent = this.random.pick(this.directories)
      const long = !forDirectory && this.random.chance(0.02)
      const name = long ? LONG_NAME : this.random.pick(NAMES)
      const path = parent + (attempt < 50 || long ? name : `${name}${attempt}`)
      const deep = path.split('/').length > MAX_DEPTH && attempt < 50
      if (deep || this.taken.has(path)) continue
      this.taken.add(path)
      return path
    }
  }

  dress(path: string, directory: boolean): void {
    const { random } = this
    if (random.chance(0.5)) {
      this.add(
        'chown',
        path,
        random.pick([0, 1001, 1002]),
        random.pick([0, 1001, 2000]),
        1,
      )
    }
    // The change of owner takes set-id bits away, so the mode comes after it.
    this.add('chmod', path, directory ? directoryMode(random) : mode(random), 0)
    if (random.chance(0.25)) this.add('setxattr', path, 'user.a', plain(random), 0, 1)
    if (random.chance(0.15)) this.add('setxattr', path, 'trusted.t', plain(random), 0, 1)
    if (random.chance(0.12)) {
      this.add('setxattr', path, 'system.posix_acl_access', acl(random), 0, 1)
    }
    if (directory && random.chance(0.2)) {
      this.add('setxattr', path, 'system.posix_acl_default', acl(random), 0, 1)
    }
    if (!directory && random.chance(0.1)) {
      const capability = ATTRIBUTES.find(([, { name }]) => name === 'security.capability')
      if (capability) {
        this.add(
          'setxattr',
          path,
          'security.capability',
          capability[1].value(random),
          0,
          1,
        )
      }
    }
  }

  age(path: string): void {
    const { random } = this
    if (!random.chance(0.5)) return
    this.add(
      'utimes',
      path,
      1_000_000_000,
      123_456_789,
      1_000_000_001 + random.below(1000),
      987,
      1,
    )
  }
}

type Entry = (builder: Builder) => void

const directory: Entry = builder => {
  const path = builder.path(true)
  builder.add('mkdir', path, 0o777)
  builder.dress(path, true)
  const opaque = builder.random.chance(0.15)
  if (opaque) builder.add('setxattr', path, 'trusted.overlay.opaque', '79', 0, 1)
  builder.addDirectory(path, opaque)
}

const file: Entry = builder => {
  const { random } = builder
  const path = builder.path()
  builder.add('open', 0, path, O.CREAT | O.EXCL | O.WRONLY, 0o666)
  builder.add('write', 0, size(random), random.below(100_000))
  if (random.chance(0.2))
    builder.add('pwrite', 0, 5000, 100_000 + random.below(100_000), 7)
  if (random.chance(0.1)) builder.add('ftruncate', 0, random.below(200_000))
  builder.add('close', 0)
  builder.dress(path, false)
  builder.age(path)
  builder.files.push(path)
}

const hardLink: Entry = builder => {
  if (builder.files.length === 0) return
  // Not compared: 'names of copied-up hard links'.
  const file = builder.random.pick(builder.files)
  const path = parentOf(file) + builder.random.pick(NAMES)
  if (builder.taken.has(path)) return
  builder.taken.add(path)
  builder.add('link', file, path, 0)
}

const symlink: Entry = builder => {
  const path = builder.path()
  const target = builder.random.pick([...NAMES, '../dir', 'dir/sub', 'x'.repeat(100)])
  builder.add('symlink', target, path)
  if (builder.random.chance(0.5)) builder.add('chown', path, 1001, 2000, 1)
  builder.age(path)
}

const special: Entry = builder => {
  const path = builder.path()
  const [type, major, minor] = builder.random.pick([
    [S_IFIFO, 0, 0],
    [S_IFSOCK, 0, 0],
    [S_IFCHR, 1, 3],
    [S_IFCHR, 1, 5],
    [S_IFBLK, 240, 70_000],
  ] as const)
  builder.add('mknod', path, type | 0o644, major, minor)
  builder.dress(path, false)
  builder.age(path)
}

const program: Entry = builder => {
  const path = builder.path()
  builder.add('program', path, 0o755)
  builder.add('chmod', path, builder.random.pick([0o755, 0o4755, 0o711]), 0)
  builder.files.push(path)
}

/** Not compared: 'whiteouts in directories that do not merge'. */
function whiteoutPlace(builder: Builder, paths: readonly string[]): string | undefined {
  const fit = paths.filter(
    path => !builder.taken.has(path) && builder.merged.has(parentOf(path)),
  )
  if (fit.length === 0) return undefined
  const path = builder.random.pick(fit)
  builder.taken.add(path)
  return path
}

const whiteout: Entry = builder => {
  const { random, below, merged } = builder
  const nothing = [...merged].map(directory => directory + random.pick(NAMES))
  const path = whiteoutPlace(builder, random.chance(0.8) ? below.names : nothing)
  if (path !== undefined) builder.add('mknod', path, S_IFCHR, 0, 0)
}

/** As a rename leaves it: a directory that says where its lower part lies, a whiteout there. */
const redirect: Entry = builder => {
  const absolute = whiteoutPlace(builder, [...builder.below.directories])
  if (absolute === undefined) return
  const path = builder.path(true)
  const sibling = parentOf(path) === parentOf(absolute)
  const target = sibling ? absolute.slice(parentOf(absolute).length) : `/${absolute}`
  builder.add('mknod', absolute, S_IFCHR, 0, 0)
  builder.add('mkdir', path, 0o755)
  builder.add(
    'setxattr',
    path,
    'trusted.overlay.redirect',
    Buffer.from(target).toString('hex'),
    0,
    1,
  )
  builder.directories.push(path + '/')
}

/** '' or a path that ends in a slash. */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

export function rawLayer(random: Random, below: Below): Layer {
  const builder = new Builder(random, below)
  const lowest = below.names.length === 0
  // Names that every layer has, so that directories merge.
  for (const path of ['dir', 'dir2', 'dir/sub']) {
    if (
      !random.chance(0.7) ||
      !(path.startsWith('dir/') ? builder.taken.has('dir') : true)
    )
      continue
    builder.taken.add(path)
    builder.add('mkdir', path, 0o777)
    builder.dress(path, true)
    builder.addDirectory(path, false)
  }
  for (let i = 0; i < ENTRIES; i++) {
    const entry = random.weighted<Entry>([
      [6, directory],
      [14, file],
      [3, hardLink],
      [4, symlink],
      [3, special],
      [1, program],
      [lowest ? 0 : 6, whiteout],
      [lowest ? 0 : 2, redirect],
    ])
    entry(builder)
  }
  builder.dress('.', true)
  builder.add('chmod', '.', random.pick([0o755, 0o777, 0o1777]), 0)
  return { kind: 'raw', steps: builder.steps }
}

/** How many layers and which kinds, lowest first; the steps of `overlay` ones are found later. */
export function layerKinds(random: Random): Layer['kind'][] {
  const kinds: Layer['kind'][] = ['raw']
  const count = random.pick([1, 1, 2, 2, 3])
  for (let i = 0; i < count; i++) kinds.push(random.chance(0.4) ? 'overlay' : 'raw')
  return kinds
}
