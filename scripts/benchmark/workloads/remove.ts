// Removing a lower tree: a whiteout for what the layer below still has.
import { PARTS, partCounts } from '../tree.js'
import type { Workload } from './workload.js'

export const remove: Workload = {
  name: 'remove',
  modes: ['rw'],
  changes: [PARTS.remove],
  rows: ({ size }) => [
    {
      title: `rm -rf of ${partCounts(size).remove.toLocaleString('en')} lower files`,
      client: ['run', '1', 'rm', '-rf', PARTS.remove],
      proof: 'lines',
    },
  ],
}
