// Opening, reading and closing small files, as an interpreter does with its modules.
import { atMost } from '../targets.js'
import type { Stage } from '../stage.js'
import { TITLES } from './titles.js'
import { EVERY_TRANSPORT, mounted, type Row } from './workload.js'

export const read = mounted({
  name: 'read',
  ids: ['P5'],
  drivers: { ro: EVERY_TRANSPORT, rw: EVERY_TRANSPORT },
  changes: [],
  rows: stage => [row(stage, TITLES.readFirst), row(stage, TITLES.readAgain)],
  targets: () =>
    (['ro', 'rw'] as const).flatMap(mode => [
      atMost('P5', TITLES.readFirst, mode, 1.5, 'floor'),
      atMost('P5', TITLES.readAgain, mode, 1.5, 'floor'),
      atMost('P5', TITLES.readFirst, mode, 0.55, 'fuse-overlayfs'),
    ]),
})

function row({ material: { list } }: Stage, title: string): Row {
  return { row: 'P5', title, client: ['read', list], proof: 'bytes' }
}
