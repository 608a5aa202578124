// Reading everything, to a pipe.
import { PARTS } from '../tree.js'
import type { Row, Workload } from './workload.js'

export const tar: Workload = {
  name: 'tar',
  modes: ['ro', 'rw'],
  changes: [],
  rows: () => [row('tar of everything, fresh mount'), row('tar of everything, again')],
}

function row(title: string): Row {
  return { title, client: ['run', '1', 'tar', '-cf', '-', PARTS.tree], proof: 'bytes' }
}
