// Asking for names that do not exist, as a search path does.
import { PARTS } from '../tree.js'
import type { Material, Row, Workload } from './workload.js'

export const absent: Workload = {
  name: 'absent',
  modes: ['ro', 'rw'],
  changes: [],
  rows: material => [row(material, 'first'), row(material, 'again')],
}

function row({ size }: Material, when: string): Row {
  const names = 20_000 / size.divisor
  return {
    title: `${names.toLocaleString('en')} absent names, ${when}`,
    client: ['absent', PARTS.tree, String(names)],
    proof: 'lines',
  }
}
