// Filesystems of the test's own: images made with mkfs on sparse files and mounted by loop inside
// the test's namespace, where they vanish with it. Never touches a filesystem of the machine's.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { scratch } from './isolated.js'
import { must } from './run.js'

export type Kind = 'ext4' | 'xfs' | 'btrfs' | 'tmpfs'

export interface Filesystem {
  readonly kind: Kind
  /** Where it is mounted. */
  readonly root: string
}

const MIB = 1024 * 1024
const DEFAULT_SIZE: Readonly<Record<Kind, number>> = {
  ext4: 2048 * MIB,
  xfs: 2048 * MIB,
  btrfs: 2048 * MIB,
  tmpfs: 2048 * MIB,
}

const MKFS: Readonly<Record<Exclude<Kind, 'tmpfs'>, readonly string[]>> = {
  // Values of 64 KiB need ea_inode; the rest is as mkfs does it by default.
  // More inodes for tests with many small files.
  ext4: [
    ...['mkfs.ext4', '-q', '-F', '-O', 'ea_inode', '-i', '4096'],
    ...['-E', 'lazy_itable_init=1,nodiscard'],
  ],
  xfs: ['mkfs.xfs', '-q', '-f', '-K'],
  btrfs: ['mkfs.btrfs', '-q', '-f', '-K'],
}

const shared = new Map<string, Promise<Filesystem>>()
let count = 0

/** One filesystem of this kind for the whole test file. */
export function sharedFilesystem(kind: Kind, name = ''): Promise<Filesystem> {
  const key = `${kind}${name}`
  let made = shared.get(key)
  if (made === undefined) {
    made = makeFilesystem(kind)
    shared.set(key, made)
  }
  return made
}

/** A fresh filesystem of `size` bytes; `options` are more of mount's. */
export async function makeFilesystem(
  kind: Kind,
  size: number = DEFAULT_SIZE[kind],
  options: readonly string[] = [],
): Promise<Filesystem> {
  count += 1
  const base = path.join(scratch(), `${kind}-${count}`)
  fs.mkdirSync(base)
  if (kind === 'tmpfs') {
    const how = [`size=${size}`, 'mode=755', ...options].join(',')
    await must('mount', ['-t', 'tmpfs', '-o', how, 'tmpfs', base])
    return { kind, root: base }
  }
  const image = `${base}.img`
  fs.writeFileSync(image, '')
  fs.truncateSync(image, size)
  const [mkfs = '', ...args] = MKFS[kind]
  await must(mkfs, [...args, image], { limit: 60_000 })
  await must('mount', ['-t', kind, '-o', ['loop', ...options].join(','), image, base])
  return { kind, root: base }
}

let directories = 0

/** A fresh, empty directory below `parent`, owned by root, mode 0755. */
export function freshDirectory(parent: string, name = 'd'): string {
  directories += 1
  const made = path.join(parent, `${name}-${directories}`)
  fs.mkdirSync(made)
  fs.chmodSync(made, 0o755)
  return made
}
