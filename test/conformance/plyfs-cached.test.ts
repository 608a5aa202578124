// The POSIX suite on plyfs without passthrough, on xfs over ext4: all data through the page cache.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

await posixSuite(
  import.meta.url,
  plyfs({
    name: 'plyfs-cached',
    upper: 'xfs',
    lower: 'ext4',
    options: ['passthrough=off'],
  }),
)
