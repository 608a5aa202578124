// Removing a lower tree: a whiteout for what the layer below still has.
import { atMost } from '../targets.js'
import { PARTS } from '../tree.js'
import { EVERY, mounted } from './workload.js'

const TITLE = 'rm -rf of a lower tree'

export const remove = mounted({
  name: 'remove',
  ids: ['P8'],
  drivers: { rw: EVERY },
  changes: [PARTS.remove],
  rows: () => [
    {
      row: 'P8',
      title: TITLE,
      client: ['run', '1', 'rm', '-rf', PARTS.remove],
      proof: 'lines',
    },
  ],
  targets: () => [
    atMost('P8', TITLE, 'rw', 2, 'kernel'),
    atMost('P8', TITLE, 'rw', 0.5, 'fuse-overlayfs'),
  ],
})
