// fuse-overlayfs's `origin`: the path, below the root of its layer, of the lower file that an
// upper one was copied from, with a NUL at its end. An upper is written by others, so a path that
// leads anywhere but down is no origin.
const PATH_MAX = 4096

/** The value that names a lower file; null for paths that would be too long to read again. */
export function encodePathOrigin(path: string): Buffer | null {
  return path.length < PATH_MAX ? Buffer.from(`${path}\0`, 'latin1') : null
}

/** The path in a value, relative to a layer's root; null where it is not one. */
export function decodePathOrigin(value: Uint8Array): string | null {
  const text = Buffer.from(value).toString('latin1')
  const path = text.endsWith('\0') ? text.slice(0, -1) : text
  if (path === '' || path.length >= PATH_MAX || path.includes('\0')) return null
  const parts = path.split('/')
  return parts.some(part => part === '' || part === '.' || part === '..') ? null : path
}
