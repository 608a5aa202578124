// Paths inside options: the escapes of `lowerdir=`, `upperdir=` and `workdir=`, and the colons of
// `lowerdir=`, in the kernel's spelling and in fuse-overlayfs's. Pure; touches no directory.
import { MountError } from './mount-error.js'

/** `kernel` follows fs/overlayfs/params.c; `drop-in` what callers send to fuse-overlayfs. */
export type Dialect = 'kernel' | 'drop-in'

/** Layers of one `lowerdir=`, topmost first. */
export interface LowerPaths {
  readonly lowers: readonly string[]
  /** What follows `::`. */
  readonly dataLowers: readonly string[]
}

/**
 * A path from an option's value. The kernel drops every backslash and keeps what follows it
 * (ovl_unescape). fuse-overlayfs's callers escape `,` `:` and `\` alone and send other
 * backslashes as they are in the name.
 */
export function unescapePath(text: string, dialect: Dialect): string {
  return dialect === 'kernel'
    ? text.replace(/\\([^]?)/g, '$1')
    : text.replace(/\\([\\,:])/g, '$1')
}

/** A path as the kernel's options take it, and mount(2)'s own splitting at commas. */
export function escapePath(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&')
}

/** `lowerdir=` taken apart. Throws where the kernel's rules are broken. */
export function splitLowerdir(text: string, dialect: Dialect): LowerPaths {
  return dialect === 'kernel' ? splitAsKernel(text) : splitAsDropIn(text)
}

/** ovl_parse_param_lowerdir: `A:B`, then `::D` for each data-only layer. */
function splitAsKernel(text: string): LowerPaths {
  const lowers: string[] = []
  const dataLowers: string[] = []
  if (text === '') return { lowers, dataLowers }
  const [first = '', ...rest] = splitAtColons(text)
  if (first === '') throw misplaced('begins with a colon')
  lowers.push(unescapePath(first, 'kernel'))
  for (let i = 0; i < rest.length; i++) {
    let piece = rest[i] ?? ''
    const isData = piece === '' && i + 1 < rest.length
    if (isData) piece = rest[++i] ?? ''
    if (piece === '' && i + 1 < rest.length) throw misplaced('has three colons in a row')
    if (piece === '') throw misplaced('ends with a colon')
    if (isData) dataLowers.push(unescapePath(piece, 'kernel'))
    else if (dataLowers.length > 0) {
      throw misplaced('has an ordinary layer after a data-only one')
    } else lowers.push(unescapePath(piece, 'kernel'))
  }
  return { lowers, dataLowers }
}

function misplaced(what: string): MountError {
  return new MountError(
    `lowerdir= ${what}`,
    'write LOWER[:LOWER...][::DATA...], and a colon in a name as \\:',
  )
}

/** Splits at colons; a backslash takes the next character with it. Escapes are kept. */
function splitAtColons(text: string): string[] {
  const pieces: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === ':') {
      pieces.push(text.slice(start, at))
      start = at + 1
    }
  }
  pieces.push(text.slice(start))
  return pieces
}

/**
 * fuse-overlayfs: its option parser removes one level of backslashes, then `\:` is a colon in a
 * name, and empty pieces are skipped. Callers that know this send `\\:`, buildah sends `\:`;
 * both are taken for a colon in the name.
 */
function splitAsDropIn(text: string): LowerPaths {
  const once = text.replace(/\\([\\,])/g, '$1')
  const lowers = splitAtColons(once)
    .filter(piece => piece !== '')
    .map(piece => unescapePath(piece, 'drop-in'))
  return { lowers, dataLowers: [] }
}
