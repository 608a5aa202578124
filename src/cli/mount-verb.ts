// The arguments of `plyfs mount [-f] [-d] [-o OPTIONS]... [SOURCE] DIR`.
import type { MountCommand } from '../mount/open-mount.js'
import { UsageError } from './usage-error.js'
import { splitWords } from './words.js'

const LETTERS = {
  foreground: { short: 'f' },
  debug: { short: 'd' },
  options: { short: 'o', takesValue: true },
  help: { short: 'h' },
} as const

export function parseMountVerb(args: readonly string[]): MountCommand | 'help' {
  const words = splitWords(args, LETTERS)
  if (words.given.has('help')) return 'help'
  const [first, second, ...more] = words.positionals
  if (first === undefined) throw new UsageError('no mount point is given')
  if (more.length > 0) throw new UsageError(`too many words: ${more.join(' ')}`)
  return {
    form: 'verb',
    program: 'plyfs',
    options: words.values('options'),
    source: second === undefined ? null : first,
    mountPoint: second ?? first,
    foreground: words.given.has('foreground'),
    debug: words.given.has('debug'),
    sloppy: false,
  }
}
