// The writable layer joins a union that has been served read-only so far, on the same
// connection: as the boot of a Unix system mounts its root, checks it, and turns it writable.
// Until then the kernel keeps no name and no attribute (see Union.kept), so that it asks again.
import { E, errnoName } from '../errno/errno.js'
import { isEmptyDirectory } from '../layer/read-directory.js'
import { log } from '../log/log.js'
import { wakeAll } from './dormant.js'
import type { Node } from './node.js'
import { hasDirectory } from './node.js'
import { ROOT_ID } from './node-table.js'
import { presentXattrs } from './materialize.js'
import type { Stack, Union } from './union.js'

/**
 * From now on `stack`, which has the same lowers and an upper, is what the union consists of.
 * What lies in a new, empty upper changes no name; an upper that was written before may change
 * them all: then whoever holds a file keeps the lower one, as after an unlink, and whoever
 * stands in a directory stands in a removed one.
 * @param done is called when the kernel keeps nothing any more of what was served before: the names
 * of the root are the upper's from then on.
 */
export function attachUpper(u: Union, stack: Stack, done: () => void): void {
  const { upper } = stack
  if (upper === null) throw new Error('nothing to attach')
  const root = u.directory(ROOT_ID)
  for (const [node, dormant] of [...u.nodes.all()])
    if (dormant < 0 && hasDirectory(node)) wakeAll(u, node)
  u.adopt(stack)
  root.hasUpper = true
  root.dir.upper = upper.root
  root.dir.impure = presentXattrs(u, upper.rootFd, '').has('impure')
  u.listings.drop(root)
  if (!isEmptyDirectory(upper.root, u.directoryFds))
    for (const [node] of u.nodes.all()) strand(u, node)
  u.channel.invalidateContents(ROOT_ID, {
    complete: result => {
      // A connection that has ended is told of by who serves it.
      if (result < 0 && result !== -E.ENODEV && result !== -E.ENOTCONN)
        log.error(`the kernel keeps what was listed: ${errnoName(-result)}`)
      done()
    },
  })
}

function strand(u: Union, node: Node): void {
  u.nodes.links.delete(node.linkKey)
  node.aliases = null
  if (hasDirectory(node)) {
    node.dir.children.clear()
    u.listings.drop(node)
    if (node.id !== ROOT_ID) node.dir.removed = true
  }
  if (node.id !== ROOT_ID) node.parent = null
}
