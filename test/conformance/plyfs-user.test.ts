// The POSIX suite on plyfs mounted by an ordinary user through fusermount3. Cases that need
// root, other users or owners are left out.
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

/** Debian's `games`, since fusermount3 wants a user who has a name. */
const user = { uid: 5, gid: 60 }

await posixSuite(
  import.meta.url,
  plyfs({
    name: 'plyfs-user',
    upper: 'ext4',
    lower: 'ext4',
    options: ['userxattr'],
    offers: [],
    user,
    exclusions: ['userxattr', 'user'],
  }),
)
