// Walking a tree with the attributes of every file, as `ls -lR`, `du` and backups do.
import { PARTS } from '../tree.js'
import type { Row, Workload } from './workload.js'

const walk = ['find', PARTS.tree, '-printf', '%m %U %G %s %T@ %p\\n']

export const find: Workload = {
  name: 'find',
  modes: ['ro', 'rw'],
  changes: [],
  rows: () => [row('find with stat, fresh mount', 1), row('find with stat, again', 1)],
}

/** Several at once ask for the same names at the same time. */
export const parallelFind: Workload = {
  name: 'parallel-find',
  modes: ['ro'],
  changes: [],
  rows: () => [row('4 find with stat at once, fresh mount', 4)],
}

function row(title: string, copies: number): Row {
  return { title, client: ['run', String(copies), ...walk], proof: 'lines' }
}
