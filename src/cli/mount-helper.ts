// The arguments that mount(8) gives its helper, `mount.plyfs` or `mount.fuse.plyfs`:
// SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE] (mount(8), "External helpers").
import { MountError } from '../mount/mount-error.js'
import type { MountCommand } from '../mount/open-mount.js'
import { UsageError } from './usage-error.js'
import { splitWords } from './words.js'

export interface HelperCall {
  readonly command: MountCommand
  /** -f: everything but the mount itself. */
  readonly fake: boolean
}

const LETTERS = {
  sloppy: { short: 's' },
  fake: { short: 'f' },
  'no-mtab': { short: 'n' },
  verbose: { short: 'v' },
  namespace: { short: 'N', takesValue: true },
  options: { short: 'o', takesValue: true },
  type: { short: 't', takesValue: true },
} as const

export function parseHelper(args: readonly string[]): HelperCall {
  const words = splitWords(args, LETTERS)
  const [source, mountPoint, ...more] = words.positionals
  if (source === undefined || mountPoint === undefined || more.length > 0) {
    throw new UsageError('call it as mount(8) does: SPEC DIR [-sfnv] [-o OPTIONS]')
  }
  const [namespace] = words.values('namespace')
  if (namespace !== undefined) {
    throw new MountError(
      `option -N ${namespace}: the server cannot live in another mount namespace than its caller`,
      `run mount there: nsenter --mount=${namespace} mount ...`,
    )
  }
  return {
    command: {
      form: 'helper',
      program: 'plyfs',
      options: words.values('options'),
      source,
      mountPoint,
      foreground: false,
      debug: false,
      sloppy: words.given.has('sloppy'),
    },
    fake: words.given.has('fake'),
  }
}
