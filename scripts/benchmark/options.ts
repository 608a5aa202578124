// What `scripts/bench` can be told. Reads the command line; measures nothing.
import { parseArgs } from 'node:util'

export type Mode = 'ro' | 'rw'
export type Filesystem = 'ext4' | 'xfs'

export interface Options {
  /** Files and bytes of the tree, and how often each work is repeated inside a row. */
  readonly size: Size
  readonly rounds: number
  readonly filesystems: readonly Filesystem[]
  readonly modes: readonly Mode[]
  /** Names of workloads or of rows, and names of drivers; null for all. */
  readonly only: readonly string[] | null
  readonly drivers: readonly string[] | null
  /** More servers to measure: a name and a shell command with {lower} {upper} {work} {mnt}. */
  readonly others: readonly { name: string; command: string }[]
  readonly layers: number
  /** The archive for the rows about images; null for the one that the tests use. */
  readonly image: string | null
  readonly scratch: string
  readonly json: string | null
}

export interface Size {
  readonly files: number
  /** Bytes of the one large file, and of the one that takes long to copy up. */
  readonly large: number
  readonly huge: number
  /** Divides the counts of the small works. */
  readonly divisor: number
}

const GIB = 2 ** 30
const whole: Size = { files: 55_000, large: 500 << 20, huge: 4 * GIB, divisor: 1 }
const quick: Size = { files: 2_000, large: 16 << 20, huge: 256 << 20, divisor: 10 }

export const usage = `usage: scripts/bench [option...]
  --quick            a small tree and 2 rounds: shows that it works, its figures mean little
  --rounds N         rounds; every row is the median of them (5)
  --fs ext4|xfs      the filesystem below, on a loop device (both, one after the other)
  --mode ro|rw       without or with a writable layer (both)
  --only A,B         these rows (P1, P8b, load ...) or workloads (find, tar ...); --list tells them
  --list             prints the rows and the workloads that measure them
  --drivers A,B      these: bare, kernel, fuse-overlayfs, floor, plyfs, plyfs-fuse-native ...
  --also NAME=CMD    one more server; CMD may hold {lower} {upper} {work} {mnt}
  --layers N         spreads the tree over N lower layers (1)
  --files N          files of the tree (55,000)
  --image FILE       the docker archive for the rows about images (the tests' Debian with httpd)
  --scratch DIR      where the disk's image lies (/var/tmp/plyfs-bench), up to 20 GB
  --json FILE        leaves every single figure and every verdict there`

/** Throws an Error with one line for a person. */
export function parseOptions(args: readonly string[]): Options | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      list: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      fs: { type: 'string' },
      mode: { type: 'string' },
      only: { type: 'string' },
      drivers: { type: 'string' },
      also: { type: 'string', multiple: true, default: [] },
      layers: { type: 'string', default: '1' },
      files: { type: 'string' },
      image: { type: 'string' },
      scratch: { type: 'string', default: '/var/tmp/plyfs-bench' },
      json: { type: 'string' },
    },
  })
  if (values.help) return 'help'
  if (values.list) return 'list'
  const size = values.quick ? quick : whole
  return {
    size: values.files === undefined ? size : { ...size, files: count(values.files) },
    rounds: values.rounds === undefined ? (values.quick ? 2 : 5) : count(values.rounds),
    filesystems: choice(values.fs, ['ext4', 'xfs']),
    modes: choice(values.mode, ['ro', 'rw']),
    only: values.only?.split(',') ?? null,
    drivers: values.drivers?.split(',') ?? null,
    others: values.also.map(other),
    layers: count(values.layers),
    image: values.image ?? null,
    scratch: values.scratch,
    json: values.json ?? null,
  }
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is not a count`)
  return value
}

/** One of them, or all. */
function choice<T extends string>(text: string | undefined, all: readonly T[]): T[] {
  if (text === undefined) return [...all]
  const found = all.find(one => one === text)
  if (found === undefined) throw new Error(`${text} is none of ${all.join(', ')}`)
  return [found]
}

function other(text: string): { name: string; command: string } {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`--also needs NAME=COMMAND, not ${text}`)
  return { name: text.slice(0, at), command: text.slice(at + 1) }
}
