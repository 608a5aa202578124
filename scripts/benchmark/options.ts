// What `scripts/bench` can be told. Reads the command line; measures nothing.
import { parseArgs } from 'node:util'

export type Mode = 'ro' | 'rw'

export interface Options {
  /** Files and bytes of the tree, and how often each work is repeated inside a row. */
  readonly size: Size
  readonly rounds: number
  readonly filesystem: 'ext4' | 'xfs'
  readonly modes: readonly Mode[]
  /** Names of workloads and of drivers; null for all. */
  readonly workloads: readonly string[] | null
  readonly drivers: readonly string[] | null
  /** More servers to measure: a name and a shell command with {lower} {upper} {work} {mnt}. */
  readonly others: readonly { name: string; command: string }[]
  readonly layers: number
  /** An image's archive: its layers instead of made ones, and the work that is for images. */
  readonly image: string | null
  readonly scratch: string
  readonly json: string | null
}

export interface Size {
  readonly files: number
  /** Bytes of the one large file. */
  readonly large: number
  /** Divides the counts of the small works. */
  readonly divisor: number
}

const whole: Size = { files: 55_000, large: 500 << 20, divisor: 1 }
const quick: Size = { files: 2_000, large: 16 << 20, divisor: 10 }

export const usage = `usage: scripts/bench [option...]
  --quick            a small tree and 2 rounds: shows that it works, its figures mean little
  --rounds N         rounds; every row is the median of them (5)
  --fs ext4|xfs      the filesystem below, on a loop device (ext4)
  --mode ro|rw       without or with a writable layer (both)
  --only A,B         these workloads
  --drivers A,B      these filesystems: bare, kernel, fuse-overlayfs, plyfs
  --also NAME=CMD    one more server; CMD may hold {lower} {upper} {work} {mnt}
  --layers N         spreads the tree over N lower layers (1)
  --image FILE       walks through the image of an archive; plyfs has it in a store, with an index
  --scratch DIR      where the image lies (/var/tmp/plyfs-bench), about 4 GB
  --json FILE        leaves every single figure there`

/** Throws an Error with one line for a person. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      fs: { type: 'string', default: 'ext4' },
      mode: { type: 'string' },
      only: { type: 'string' },
      drivers: { type: 'string' },
      also: { type: 'string', multiple: true, default: [] },
      layers: { type: 'string', default: '1' },
      image: { type: 'string' },
      scratch: { type: 'string', default: '/var/tmp/plyfs-bench' },
      json: { type: 'string' },
    },
  })
  if (values.help) return 'help'
  return {
    size: values.quick ? quick : whole,
    rounds: values.rounds === undefined ? (values.quick ? 2 : 5) : count(values.rounds),
    filesystem: oneOf(values.fs, ['ext4', 'xfs']),
    modes: modes(values.mode, values.image),
    workloads: values.only?.split(',') ?? null,
    drivers: values.drivers?.split(',') ?? null,
    others: values.also.map(other),
    layers: count(values.layers),
    image: values.image ?? null,
    scratch: values.scratch,
    json: values.json ?? null,
  }
}

/** An image is only walked through. */
function modes(text: string | undefined, image: string | undefined): Mode[] {
  if (image !== undefined) return ['ro']
  return text === undefined ? ['ro', 'rw'] : [oneOf(text, ['ro', 'rw'])]
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is not a count`)
  return value
}

function oneOf<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find(choice => choice === text)
  if (found === undefined) throw new Error(`${text} is none of ${choices.join(', ')}`)
  return found
}

function other(text: string): { name: string; command: string } {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`--also needs NAME=COMMAND, not ${text}`)
  return { name: text.slice(0, at), command: text.slice(at + 1) }
}
