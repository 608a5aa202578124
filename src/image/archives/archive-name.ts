// What an argument says of an image in an archive. Pure.
import type { ArchiveName } from './open-archive.js'

const TRANSPORT = /^(docker-archive|oci-archive|oci):(.+)$/s

/**
 * `docker-archive:FILE[:REF]` and its like, or a path with a slash in it that is there; null for
 * what may be an image's name.
 * @param exists whether a path of bytes is there.
 */
export function archiveNamed(
  text: string,
  exists: (path: string) => boolean,
): ArchiveName | null {
  const [, kind, rest = ''] = TRANSPORT.exec(text) ?? []
  if (kind === undefined)
    return text.includes('/') && exists(text)
      ? { kind: 'any', path: text, ref: null }
      : null
  return { kind: kind as Exclude<ArchiveName['kind'], 'any'>, ...split(rest, exists) }
}

/** FILE[:REF]: names of files may have colons, so the longest that is there is the file. */
function split(
  text: string,
  exists: (path: string) => boolean,
): Pick<ArchiveName, 'path' | 'ref'> {
  for (let end = text.length; end > 0; end = text.lastIndexOf(':', end - 1)) {
    const path = text.slice(0, end)
    if (exists(path)) return { path, ref: end < text.length ? text.slice(end + 1) : null }
  }
  return { path: text, ref: null }
}
