// The POSIX suite on plyfs that speaks no newer protocol than 7.31.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

await posixSuite(
  import.meta.url,
  plyfs({
    name: 'plyfs-minor31',
    upper: 'ext4',
    lower: 'xfs',
    options: ['proto_minor=31'],
    exclusions: ['minor31'],
  }),
)
