// Redirects: where the lower part of a moved directory is, and where a moved metacopy's data is
// (ovl_get_redirect, ovl_set_redirect).
import { E } from '../errno/errno.js'
import { setxattrat } from '../sys/xattr.js'
import { locateUpper } from './locate.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

/** The kernel's default of redirect_max; longer ones are EXDEV there, and up to this here. */
const REDIRECT_MAX = 4095

/**
 * The redirect that keeps a directory merging with its lower part when it leaves `parent` under
 * `name`; null when the one it has will do. Absolute unless it stays in its parent.
 */
export function redirectFor(
  node: Node,
  parent: Node,
  name: string,
  sameParent: boolean,
): string | null {
  const has = node.dir?.redirect ?? null
  if (has !== null && (sameParent || has.startsWith('/'))) return null
  if (sameParent) return name
  const parts: string[] = [has ?? name]
  for (let at = parent; at.parent !== null; at = at.parent) {
    const redirect = at.dir?.redirect ?? null
    parts.push(redirect ?? at.name)
    if (redirect?.startsWith('/') === true) return parts.reverse().join('/')
  }
  return `/${parts.reverse().join('/')}`
}

/** Stores a redirect; null leaves what is there. 0, or -EXDEV as the kernel says. */
export function setRedirect(u: Union, node: Node, redirect: string | null): number {
  if (redirect === null) return 0
  if (redirect.length > REDIRECT_MAX) return -E.EXDEV
  const at = locateUpper(u, node)
  const value = Buffer.from(redirect, 'latin1')
  const error = setxattrat(at.fd, at.name, u.format.xattrs.redirect, value, 0)
  if (error < 0) return -E.EXDEV
  if (node.dir !== null) node.dir.redirect = redirect
  return 0
}
