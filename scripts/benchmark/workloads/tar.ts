// Reading everything, to a pipe: tar does not read what it writes to /dev/null.
import { atMost } from '../targets.js'
import { PARTS } from '../tree.js'
import { TITLES } from './titles.js'
import { EVERY, mounted, type Row } from './workload.js'

const SERVED = ['kernel', 'floor', 'plyfs']

export const tar = mounted({
  name: 'tar',
  ids: ['P3'],
  drivers: { ro: EVERY, rw: SERVED },
  changes: [],
  rows: (_, mode) =>
    mode === 'ro'
      ? [row('P3', TITLES.tarFirst)]
      : [row('P3', TITLES.tarFirst), row('P3', TITLES.tarAgain)],
  targets: () => [
    atMost('P3', TITLES.tarFirst, 'ro', 1.25, 'floor'),
    atMost('P3', TITLES.tarFirst, 'rw', 1.25, 'floor'),
    atMost('P3', TITLES.tarAgain, 'rw', 1.25, 'floor'),
    atMost('P3', TITLES.tarFirst, 'ro', 0.6, 'fuse-overlayfs'),
  ],
})

const COLD = 'tar of everything, fresh mount, cold page cache'

export const coldTar = mounted({
  name: 'cold-tar',
  ids: ['P14'],
  drivers: { ro: ['floor', 'plyfs'], rw: ['floor', 'plyfs'] },
  changes: [],
  dropsCaches: true,
  rows: () => [row('P14', COLD)],
  targets: () => [
    atMost('P14', COLD, 'ro', 1.25, 'floor'),
    atMost('P14', COLD, 'rw', 1.25, 'floor'),
  ],
})

function row(id: string, title: string): Row {
  const client = ['run', '1', 'tar', '-cf', '-', PARTS.tree]
  return { row: id, title, client, proof: 'bytes' }
}
