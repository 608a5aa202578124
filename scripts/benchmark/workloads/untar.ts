// Unpacking an archive into a new directory: names, data, modes, owners and times.
import { partCounts } from '../tree.js'
import type { Workload } from './workload.js'

export const untar: Workload = {
  name: 'untar',
  modes: ['rw'],
  changes: [],
  rows: ({ archive, size }) => {
    const { remove, change } = partCounts(size)
    return [
      {
        title: `untar ${(remove + change).toLocaleString('en')} files of 2 KB`,
        client: ['run', '1', 'tar', '--one-top-level=untarred', '-xf', archive],
        proof: 'lines',
      },
    ]
  },
}
