// The arguments of the drop-in form: `fuse-overlayfs [-f] [-d] [-o OPTIONS] [SOURCE] DIR`, also
// `plyfs` without a verb. Follows what fuse-overlayfs and its callers do.
import type { MountCommand } from '../mount/open-mount.js'
import { UsageError } from './usage-error.js'
import { splitWords } from './words.js'

export type DropInCall = MountCommand | 'help' | 'version'

const LETTERS = {
  foreground: { short: 'f' },
  debug: { short: 'd' },
  // libfuse's: one thread. There is one way of serving here.
  single: { short: 's' },
  options: { short: 'o', takesValue: true },
  help: { short: 'h' },
  version: { short: 'V' },
} as const

/** The last word is the mount point; mount.fuse3 puts its source before, which says nothing. */
export function parseDropIn(
  args: readonly string[],
  program: 'plyfs' | 'fuse-overlayfs',
): DropInCall {
  const words = splitWords(args, LETTERS)
  if (words.given.has('help')) return 'help'
  if (words.given.has('version')) return 'version'
  const mountPoint = words.positionals.at(-1)
  if (mountPoint === undefined) throw new UsageError('no mount point is given')
  return {
    form: 'drop-in',
    program,
    options: words.values('options'),
    source: null,
    mountPoint,
    foreground: words.given.has('foreground'),
    debug: words.given.has('debug'),
    sloppy: true,
  }
}
