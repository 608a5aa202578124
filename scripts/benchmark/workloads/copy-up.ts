// The first write to a large lower file, which is copied up whole.
import { PARTS } from '../tree.js'
import type { Workload } from './workload.js'

export const copyUp: Workload = {
  name: 'copy-up',
  modes: ['rw'],
  changes: [PARTS.large],
  rows: ({ size }) => [
    {
      title: `first write to a lower file of ${size.large >> 20} MB`,
      client: ['append', `${PARTS.large}/file`],
      proof: 'bytes',
    },
  ],
}
