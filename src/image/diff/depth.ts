// How deep a tree may be whose changes are told or packed. A program comes to any depth, one
// directory at a time; what is deeper than this would not come back from an archive either.
import { shown } from '../../layer/refusal.js'
import { ImageError } from '../model/errors.js'

/** Directories above a name: more than what is unpacked (UnpackLimits.depth). */
const MOST = 768

/**
 * How deep what lies in a directory is.
 * @param path the directory's, from the root. @throws ImageError `limit`.
 */
export function depthBelow(depth: number, path: string): number {
  if (depth < MOST) return depth + 1
  const name = path.slice(path.lastIndexOf('/') + 1)
  throw new ImageError(
    'limit',
    `the directory '${shown(name)}' lies in more than ${MOST} others; move it up, or remove it`,
    { entry: path },
  )
}
