// Making new files in a new directory of the writable layer.
import type { Workload } from './workload.js'

export const create: Workload = {
  name: 'create',
  modes: ['rw'],
  changes: [],
  rows: ({ size }) => {
    const files = 3000 / size.divisor
    return [
      {
        title: `create ${files.toLocaleString('en')} files of 2 KB`,
        client: ['create', 'created', String(files), '2048'],
        proof: 'lines',
      },
    ]
  },
}
