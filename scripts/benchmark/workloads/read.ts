// Opening, reading and closing small files, as an interpreter does with its modules.
import type { Material, Row, Workload } from './workload.js'

export const read: Workload = {
  name: 'read',
  modes: ['ro', 'rw'],
  changes: [],
  rows: material => [row(material, 'fresh mount'), row(material, 'again')],
}

function row({ list, size }: Material, when: string): Row {
  const files = (5000 / size.divisor).toLocaleString('en')
  return {
    title: `open, read, close ${files} files, ${when}`,
    client: ['read', list],
    proof: 'bytes',
  }
}
