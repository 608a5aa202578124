// Walking a tree with the attributes of every file, as `ls -lR`, `du` and backups do.
import { atMost } from '../targets.js'
import { PARTS } from '../tree.js'
import { TITLES } from './titles.js'
import { EVERY_TRANSPORT, mounted, type Row } from './workload.js'

const attributes = ['-printf', '%m %U %G %s %T@ %p\\n']
const walk = ['find', PARTS.tree, ...attributes]
const everything = ['find', '.', ...attributes]

export const find = mounted({
  name: 'find',
  ids: ['P1', 'P2'],
  drivers: { ro: EVERY_TRANSPORT, rw: EVERY_TRANSPORT },
  changes: [],
  rows: () => [row('P1', TITLES.findFirst), row('P2', TITLES.findAgain)],
  targets: () => [
    atMost('P1', TITLES.findFirst, 'ro', 1.5, 'floor'),
    atMost('P1', TITLES.findFirst, 'rw', 1.5, 'floor'),
    atMost('P1', TITLES.findFirst, 'ro', 0.4, 'fuse-overlayfs'),
    atMost('P1', TITLES.findFirst, 'rw', 0.4, 'fuse-overlayfs'),
    atMost('P2', TITLES.findAgain, 'ro', 1, 'kernel'),
    atMost('P2', TITLES.findAgain, 'rw', 1.5, 'kernel'),
  ],
})

/** Several at once ask for the same names at the same time. */
export const parallelFind = mounted({
  name: 'parallel-find',
  ids: ['P13'],
  drivers: { ro: ['kernel', 'floor', 'plyfs'], rw: ['floor', 'plyfs'] },
  changes: [],
  rows: () => [row('P13', TITLES.parallelFind, 4)],
  targets: () => [
    atMost('P13', TITLES.parallelFind, 'ro', 1.5, 'floor'),
    atMost('P13', TITLES.parallelFind, 'rw', 1.5, 'floor'),
  ],
})

const COLD = 'find with stat, fresh mount, cold page cache'

export const coldFind = mounted({
  name: 'cold-find',
  ids: ['P14'],
  drivers: { ro: ['kernel', 'plyfs'], rw: ['kernel', 'plyfs'] },
  changes: [],
  dropsCaches: true,
  rows: () => [row('P14', COLD)],
  targets: () => [
    atMost('P14', COLD, 'ro', 1.3, 'kernel'),
    atMost('P14', COLD, 'rw', 1.3, 'kernel'),
  ],
})

const IMAGE = 'find with stat on an indexed image, fresh mount'
const COLD_IMAGE = 'find with stat on an indexed image, fresh mount, cold page cache'

/** On the layers of an image, of which plyfs has an index. */
export const imageFind = mounted({
  name: 'image-find',
  ids: ['image-find'],
  layers: stage => stage.image,
  drivers: { ro: ['kernel', 'floor', 'plyfs'] },
  changes: [],
  rows: () => [row('image-find', IMAGE, 1, everything)],
  targets: () => [atMost('image-find', IMAGE, 'ro', 1.6, 'kernel')],
})

export const coldImageFind = mounted({
  name: 'cold-image-find',
  ids: ['image-find'],
  layers: stage => stage.image,
  drivers: { ro: ['kernel', 'plyfs'] },
  changes: [],
  dropsCaches: true,
  rows: () => [row('image-find', COLD_IMAGE, 1, everything)],
  targets: () => [atMost('image-find', COLD_IMAGE, 'ro', 1, 'kernel')],
})

function row(id: string, title: string, copies = 1, words = walk): Row {
  return { row: id, title, client: ['run', String(copies), ...words], proof: 'lines' }
}
