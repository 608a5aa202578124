// What the exercises run on: kernel overlayfs first, which proves the exercise, then plyfs in both
// of its data modes. Durations come from the command line (`--seconds N`), for the long runs.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuseNativeLacks } from '../helpers/fuse-native.js'
import { freshDirectory, sharedFilesystem, type Kind } from '../helpers/images.js'
import {
  mountOverlay,
  mountPlyfs,
  type Layers,
  type Mounted,
} from '../helpers/mounted.js'

export interface Ground {
  readonly name: string
  readonly kind: Kind
  /** A descriptor from before the copy-up maps the lower file for ever (overlayfs.rst). */
  readonly mapsLower?: boolean
  /** fallocate(2) does not arrive. */
  readonly allocatesNot?: boolean
  mount(layers: Layers): Promise<Mounted>
}

const plyfs = (layers: Layers): Promise<Mounted> => mountPlyfs(layers)
const cached = (layers: Layers): Promise<Mounted> =>
  mountPlyfs(layers, { options: ['passthrough=off'] })
const byFuseNative = (layers: Layers): Promise<Mounted> =>
  mountPlyfs(layers, { options: ['transport=fuse-native'] })
const overlay = (layers: Layers): Promise<Mounted> => mountOverlay(layers)

export const GROUNDS: readonly Ground[] = [
  { name: 'kernel overlayfs on ext4', kind: 'ext4', mapsLower: true, mount: overlay },
  { name: 'plyfs on ext4', kind: 'ext4', mount: plyfs },
  { name: 'plyfs on xfs', kind: 'xfs', mount: plyfs },
  { name: 'plyfs on ext4 without passthrough', kind: 'ext4', mount: cached },
]

/** The second transport, for exercises that can do with less. */
export const FUSE_NATIVE: readonly Ground[] =
  fuseNativeLacks() === undefined
    ? [
        {
          name: 'plyfs by fuse-native on ext4',
          kind: 'ext4',
          allocatesNot: true,
          mount: byFuseNative,
        },
      ]
    : []

/** Seconds for each exercise: 2 in the test run. */
export function seconds(): number {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '2' } } })
  return Number(values.seconds)
}

/** For `isolated`: long runs say nothing for longer. */
export function limits(): { silence: number; total: number } {
  return { silence: 90_000 + seconds() * 20_000, total: 900_000 + seconds() * 600_000 }
}

/** Fresh layers; `fill` makes what the lower has. */
export async function makeLayers(
  kind: Kind,
  fill: (lower: string) => void,
): Promise<Required<Layers>> {
  const { root } = await sharedFilesystem(kind)
  const lower = freshDirectory(root, 'lower')
  fill(lower)
  return {
    lower: [lower],
    upper: freshDirectory(root, 'upper'),
    work: freshDirectory(root, 'work'),
  }
}

/** Takes the room of finished layers back. */
export function removeLayers({ lower, upper, work }: Required<Layers>): void {
  for (const directory of [...lower, upper, work]) {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** A file of that many bytes that do not repeat. */
export function writeNoise(directory: string, name: string, size: number): void {
  const bytes = Buffer.alloc(size)
  let state = size + name.length
  for (let i = 0; i + 4 <= size; i += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes.writeUInt32LE(state, i)
  }
  fs.writeFileSync(join(directory, name), bytes)
}
