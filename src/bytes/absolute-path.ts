// Paths as people write them, from where they are.

/**
 * A path from the root: bytes in a latin1 string. Where we are is asked only for a relative one,
 * since it may be removed, or deeper than a path may be long. Throws Node's error.
 */
export function absolutePath(path: string): string {
  if (path.startsWith('/')) return path
  return `${Buffer.from(process.cwd(), 'utf8').toString('latin1')}/${path}`
}
