// The next operation of a run: a kind by weight, then arguments that suit the present state.
import { DATA } from './generate-data.js'
import { ATTRIBUTE_OPERATIONS } from './generate-attributes.js'
import { NAME_OPERATIONS } from './generate-names.js'
import type { Scene } from './choose.js'
import type { Model } from './model.js'
import type { Argument, Step, User } from './operation.js'
import type { Random } from './random.js'

/** Makes the operation with its arguments, or nothing where the state has nothing for it. */
export type Generator = (
  scene: Scene,
) => readonly [name: string, ...Argument[]] | undefined

const ALL: readonly (readonly [weight: number, Generator])[] = [
  ...DATA,
  ...NAME_OPERATIONS,
  ...ATTRIBUTE_OPERATIONS,
]

export interface Pace {
  /** Chance that a step is one of the harness's (remount, swap, dropping caches, comparing). */
  readonly harness: number
  /** Whether plyfs uses passthrough. */
  readonly passthrough: boolean
}

export function nextStep(
  random: Random,
  model: Model,
  { harness, passthrough }: Pace,
): Step {
  if (random.chance(harness)) {
    return ['*', random.pick(['remount', 'swap', 'drop-caches', 'drop-caches', 'check'])]
  }
  for (;;) {
    const user: User = random.pick(['u0', 'u0', 'u1', 'u2'])
    const generator = random.weighted(ALL)
    const made = generator({ random, model, user, passthrough })
    if (made) return [user, ...made]
  }
}

/** Not compared: 'hard links to a file that an open has just stripped'. */
export function before([who, name, from, , flags]: Step): Step | undefined {
  if (who === '*' || who === 'u0' || from === undefined) return undefined
  if (name === 'linkslot') return [who, 'fstat', from, 1]
  return name === 'link' ? [who, 'stat', from, flags === 0 ? 1 : 0] : undefined
}

/** Looks at what an operation was done to, as root and without following. */
export function observe(step: Step): Step[] {
  const [who, name, ...args] = step
  if (who === '*') return []
  const watched: Step[] = []
  const [paths, slot] = SUBJECTS[name] ?? [[], false]
  for (const position of paths) {
    const path = args[position]
    if (typeof path !== 'string') continue
    const user = path.startsWith('@') ? who : 'u0'
    watched.push([user, 'stat', path, 1])
    const parent = path.split('/').slice(0, -1).join('/')
    if (!path.startsWith('@')) watched.push([user, 'lstat', parent === '' ? '.' : parent])
  }
  if (slot) watched.push([who, 'fstat', args[0] ?? 0, 1])
  return watched
}

/** Where an operation's paths stand among its arguments, and whether its first is a slot. */
const SUBJECTS: Readonly<
  Record<string, readonly [paths: readonly number[], slot: boolean]>
> = {
  open: [[1], true],
  link: [[0, 1], false],
  linkslot: [[1], true],
  unlink: [[0], false],
  rmdir: [[0], false],
  mkdir: [[0], false],
  mknod: [[0], false],
  symlink: [[1], false],
  rename: [[0, 1], false],
  truncate: [[0], false],
  chmod: [[0], false],
  chown: [[0], false],
  utimes: [[0], false],
  setxattr: [[0], false],
  removexattr: [[0], false],
  ...Object.fromEntries(
    [
      ...[
        'write',
        'pwrite',
        'ftruncate',
        'fallocate',
        'mapwrite',
        'fchmod',
        'fchown',
        'futimes',
      ],
      ...['fsetxattr', 'fremovexattr', 'setflags', 'setxflags', 'fsync', 'read'],
    ].map(name => [name, [[], true] as const]),
  ),
}
