// What a workload is: work of one shape on all drivers, and the targets of its rows. Most have
// rows that are run one after another on one fresh mount (`mounted`); others bring a `run`.
import type { Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import type { Mode, Size } from '../options.js'
import type { Stage } from '../stage.js'
import type { Target } from '../targets.js'
import { turns, type Turn } from '../turns.js'

/** A call of client.c with the merged root as its working directory: paths are relative. */
export interface Row {
  /** The row of the list of targets, `P1` for example. */
  readonly row: string
  readonly title: string
  /** Arguments of client.c. */
  readonly client: readonly string[]
  /** The figure that must be the same on every filesystem: the same work was done. */
  readonly proof: 'lines' | 'bytes'
  /** Work that prepares the next row, or counts what came of one: its time is no figure. */
  readonly untimed?: boolean
}

export interface Workload {
  readonly name: string
  /** Rows of the list of targets that it measures; `--only` takes these and the name. */
  readonly ids: readonly string[]
  /** Once a round. Throws what went wrong; drivers that cannot do it are told to the turn. */
  run(turn: Turn): Promise<readonly Figure[]>
  targets(size: Size): readonly Target[]
}

/** Rows on a fresh mount of each driver. */
export interface Mounted extends Omit<Workload, 'run'> {
  /** In each mode, who does it: those that a target names. */
  readonly drivers: Partial<Record<Mode, readonly string[]>>
  /** Parts of the tree that the rows change. */
  readonly changes: readonly string[]
  /** What is mounted, if not the tree. */
  layers?(stage: Stage): Layers
  /** The page cache is emptied between the mount and the first row. */
  readonly dropsCaches?: boolean
  rows(stage: Stage, mode: Mode): readonly Row[]
}

export const EVERY = ['kernel', 'fuse-overlayfs', 'floor', 'plyfs'] as const
/** And plyfs by its second transport, for the works that show what the own one is worth. */
export const EVERY_TRANSPORT = [...EVERY, 'plyfs-fuse-native'] as const

export function mounted(work: Mounted): Workload {
  const { name, ids } = work
  return {
    name,
    ids,
    run: turn => turns(turn, work),
    targets: size => work.targets(size),
  }
}
