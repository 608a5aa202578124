// Where everything is measured: one disk, and on it what the works need, made at its first use,
// so that each row can be asked for alone.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Layers } from './drivers/driver.js'
import { imageLayers } from './image-layers.js'
import type { Filesystem, Size } from './options.js'
import type { Programs } from './programs.js'
import { PARTS, makeTree } from './tree.js'

/** The layer with a file that takes long to copy up. */
export const HUGE_LAYER = 'huge-layer'

/** Files that lie beside the layers. */
export interface Material {
  /** Names of some small files of the tree, one a line. */
  readonly list: string
  /** An archive of small files. */
  readonly archive: string
}

/** What the user may choose about it. */
export interface Sizes {
  readonly size: Size
  readonly layers: number
  readonly image: string | null
}

export class Stage {
  readonly disk: string
  readonly filesystem: Filesystem
  readonly programs: Programs
  readonly sizes: Sizes
  #tree: { layers: Layers; material: Material } | null = null
  #image: Layers | null = null
  #repository: string | null = null
  #isCold = false

  constructor(disk: string, filesystem: Filesystem, programs: Programs, sizes: Sizes) {
    this.disk = disk
    this.filesystem = filesystem
    this.programs = programs
    this.sizes = sizes
  }

  get layers(): Layers {
    return this.#made().layers
  }

  get material(): Material {
    return this.#made().material
  }

  /** The layers of an image, which plyfs has in a store. */
  get image(): Layers {
    return (this.#image ??= imageLayers(this.disk, imageArchive(this.sizes.image)))
  }

  /** A bare git repository whose one commit is a part of the tree. */
  get repository(): string {
    return (this.#repository ??= makeRepository(this.disk, this.layers.merged))
  }

  /** Everything that is on a disk has to be read again. */
  dropCaches(): void {
    fs.writeFileSync('/proc/sys/vm/drop_caches', '3')
    this.#isCold = true
  }

  /** Reads all of the disk where caches were dropped, so that no driver is the first to. */
  warm(): void {
    if (this.#isCold) readAll(this.disk)
    this.#isCold = false
  }

  /** A folder of its own for a work, empty. */
  folder(name: string): string {
    const folder = path.join(this.disk, name)
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    return folder
  }

  #made() {
    if (this.#tree === null) {
      console.error('bench: making the layers')
      const layers = makeLayers(this.disk, this.sizes)
      const material = makeMaterial(this.disk, layers, this.sizes)
      this.#tree = { layers, material }
    }
    return this.#tree
  }
}

/** The file that takes long to copy up is not read by anybody in full. */
function readAll(folder: string): void {
  const words = `tar -C "$1" -cf - --exclude='./${HUGE_LAYER}' . | cat >/dev/null`
  execFileSync('sh', ['-c', words, 'sh', folder], { stdio: 'ignore' })
}

/** Into the page cache: whoever comes first shall not be the one who waits for the disk. */
export function readFile(file: string): void {
  execFileSync('sh', ['-c', 'cat "$1" >/dev/null', 'sh', file])
}

/** The archive of one of the images that tests use, made when it is not there. */
export function imageArchive(chosen: string | null, name = 'debian-httpd.docker.tar') {
  if (chosen !== null) return chosen
  const cache = process.env['PLYFS_TEST_CACHE'] ?? '/var/cache/plyfs-test'
  const archive = path.join(cache, name)
  if (!fs.existsSync(archive)) execFileSync('scripts/test-images', { stdio: 'inherit' })
  return archive
}

function makeLayers(disk: string, { layers, size }: Sizes): Layers {
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
  fs.mkdirSync(mountPoint, { recursive: true })
  return {
    lowers: [...lowers, empty],
    merged,
    upper: path.join(disk, 'upper'),
    work: path.join(disk, 'work'),
    mountPoint,
  }
}

function makeMaterial(disk: string, layers: Layers, { size }: Sizes): Material {
  const list = path.join(disk, 'list')
  const archive = path.join(disk, 'archive.tar')
  const names = execFileSync('find', [PARTS.tree, '-type', 'f', '-size', '-64k'], {
    cwd: layers.merged,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const sorted = names.trimEnd().split('\n').sort()
  const wanted = 5000 / size.divisor
  const step = Math.max(1, Math.floor(sorted.length / wanted))
  const some = sorted.filter((_, i) => i % step === 0).slice(0, wanted)
  fs.writeFileSync(list, `${some.join('\n')}\n`)
  execFileSync('tar', ['-cf', archive, PARTS.remove, PARTS.change, PARTS.more], {
    cwd: layers.merged,
  })
  return { list, archive }
}

const AUTHOR = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost']

function makeRepository(disk: string, merged: string): string {
  const repository = path.join(disk, 'repository.git')
  const git = (...words: string[]) =>
    execFileSync('git', [
      ...AUTHOR,
      '--git-dir',
      repository,
      '--work-tree',
      merged,
      ...words,
    ])
  git('init', '-q')
  git('add', '--', PARTS.checkout)
  git('commit', '-q', '-m', 'A part of the tree')
  git('repack', '-q', '-a', '-d')
  return repository
}
