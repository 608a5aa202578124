// Changing the modes of a lower tree: every file is copied up, metacopy being off.
import { atMost } from '../targets.js'
import { PARTS } from '../tree.js'
import { EVERY, mounted } from './workload.js'

const TITLE = 'chmod -R of lower files of 4 KB'

export const change = mounted({
  name: 'change',
  ids: ['P8b'],
  drivers: { rw: EVERY },
  changes: [PARTS.change],
  rows: () => [
    {
      row: 'P8b',
      title: TITLE,
      client: ['run', '1', 'chmod', '-R', 'go-rwx', PARTS.change],
      proof: 'lines',
    },
  ],
  targets: () => [
    atMost('P8b', TITLE, 'rw', 0.3, 'kernel'),
    atMost('P8b', TITLE, 'rw', 2, 'fuse-overlayfs'),
  ],
})
