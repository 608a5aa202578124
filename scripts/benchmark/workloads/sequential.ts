// Reading one large file through; it is in the page cache of the filesystem below.
import { PARTS } from '../tree.js'
import type { Row, Workload } from './workload.js'

export const sequential: Workload = {
  name: 'sequential',
  modes: ['ro', 'rw'],
  changes: [],
  rows: ({ size }) => [row(size.large, 'fresh mount'), row(size.large, 'again')],
}

function row(bytes: number, when: string): Row {
  return {
    title: `sequential read of ${bytes >> 20} MB, ${when}`,
    client: ['sequential', `${PARTS.large}/file`],
    proof: 'bytes',
  }
}
