// Changing the modes of a lower tree: every file is copied up.
import { PARTS, partCounts } from '../tree.js'
import type { Workload } from './workload.js'

export const change: Workload = {
  name: 'change',
  modes: ['rw'],
  changes: [PARTS.change],
  rows: ({ size }) => [
    {
      title: `chmod -R of ${partCounts(size).change.toLocaleString('en')} lower files`,
      client: ['run', '1', 'chmod', '-R', 'go-rwx', PARTS.change],
      proof: 'lines',
    },
  ],
}
