// The POSIX suite on plyfs with attributes of the user class.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

await posixSuite(
  import.meta.url,
  plyfs({
    name: 'plyfs-userxattr',
    upper: 'xfs',
    lower: 'xfs',
    options: ['userxattr'],
    exclusions: ['userxattr'],
  }),
)
