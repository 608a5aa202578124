// Walking a tree with the attributes of every file, as `ls -lR`, `du` and backups do.
import { PARTS } from '../tree.js'
import type { Row, Workload } from './workload.js'

const attributes = ['-printf', '%m %U %G %s %T@ %p\\n']
const walk = ['find', PARTS.tree, ...attributes]
const everything = ['find', '.', ...attributes]

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

/** The same on the layers of an image, of which plyfs has an index. */
export const imageFind: Workload = {
  name: 'image-find',
  modes: ['ro'],
  changes: [],
  rows: () => [
    row('find with stat on an indexed image, fresh', 1, everything),
    row('find with stat on an indexed image, again', 1, everything),
  ],
}

export const coldImageFind: Workload = {
  ...imageFind,
  name: 'cold-image-find',
  dropsCaches: true,
  rows: () => [row('find with stat on an indexed image, cold page cache', 1, everything)],
}

function row(title: string, copies: number, words: readonly string[] = walk): Row {
  return { title, client: ['run', String(copies), ...words], proof: 'lines' }
}
