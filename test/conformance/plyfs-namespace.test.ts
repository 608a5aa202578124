// The POSIX suite on plyfs mounted by the root of a user namespace, as rootless containers do it.
// Cases that need the machine's root (devices, trusted attributes) are left out.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

await posixSuite(
  import.meta.url,
  plyfs({
    name: 'plyfs-namespace',
    upper: 'ext4',
    lower: 'ext4',
    options: ['userxattr'],
    offers: ['root'],
    userNamespace: true,
    exclusions: ['userxattr', 'user'],
  }),
)
