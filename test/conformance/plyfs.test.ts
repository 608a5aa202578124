// The POSIX suite on plyfs as root mounts it: data by passthrough where the rules allow it.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

await posixSuite(
  import.meta.url,
  plyfs({ name: 'plyfs', upper: 'ext4', lower: 'ext4', options: [] }),
)
