// Asking for names that do not exist, as a search path does.
import { atMost } from '../targets.js'
import { PARTS } from '../tree.js'
import type { Stage } from '../stage.js'
import { TITLES } from './titles.js'
import { EVERY_TRANSPORT, mounted, type Row } from './workload.js'

export const absent = mounted({
  name: 'absent',
  ids: ['P6'],
  drivers: { ro: EVERY_TRANSPORT, rw: EVERY_TRANSPORT },
  changes: [],
  rows: stage => [row(stage, TITLES.absentFirst), row(stage, TITLES.absentAgain)],
  targets: () =>
    (['ro', 'rw'] as const).flatMap(mode => [
      atMost('P6', TITLES.absentFirst, mode, 1.3, 'floor'),
      atMost('P6', TITLES.absentFirst, mode, 0.9, 'fuse-overlayfs'),
      atMost('P6', TITLES.absentAgain, mode, 1.3, 'floor'),
      atMost('P6', TITLES.absentAgain, mode, 0.9, 'fuse-overlayfs'),
      atMost('P6', TITLES.absentAgain, mode, 1.1, 'kernel'),
    ]),
})

function row({ sizes: { size } }: Stage, title: string): Row {
  const names = String(20_000 / size.divisor)
  return { row: 'P6', title, client: ['absent', PARTS.tree, names], proof: 'lines' }
}
