// The arguments of `plyfs mount [-f] [-d] [-o OPTIONS]... [SOURCE] DIR`, and of
// `plyfs mount [--rw[=NAME]] [--verify=MODE] [--driver=NAME] [--root=DIR] [-o OPTIONS]... IMAGE DIR`.
import { DRIVER_NAMES, driverNamed } from '../mount/drivers/driver.js'
import type { NamedMount } from '../mount/mount-named.js'
import type { MountCommand } from '../mount/open-mount.js'
import { UsageError } from './usage-error.js'
import { splitWords, type Words } from './words.js'

const LETTERS = {
  foreground: { short: 'f' },
  debug: { short: 'd' },
  options: { short: 'o', takesValue: true },
  help: { short: 'h' },
  rw: { takesValue: 'joined' },
  verify: { takesValue: true },
  root: { takesValue: true },
  driver: { takesValue: true },
  transport: { takesValue: true },
  // The launcher has seen to it.
  'no-daemon': {},
} as const

/** A mount of an image, its arguments told apart. */
export interface ImageMountCommand extends NamedMount {
  readonly form: 'image'
  readonly root: string | null
}

/** Throws a UsageError. */
export function parseMountVerb(
  args: readonly string[],
): MountCommand | ImageMountCommand | 'help' {
  const words = splitWords(args, LETTERS)
  if (words.given.has('help')) return 'help'
  if (!namesLayers(words)) return imageMount(words)
  for (const name of ['rw', 'verify', 'root', 'driver'])
    if (words.given.has(name))
      throw new UsageError(`--${name} is for images, and lowerdir= is given`)
  const [first, second, ...more] = words.positionals
  if (first === undefined) throw new UsageError('no mount point is given')
  if (more.length > 0) throw new UsageError(`too many words: ${more.join(' ')}`)
  return {
    form: 'verb',
    program: 'plyfs',
    options: optionsOf(words),
    source: second === undefined ? null : first,
    mountPoint: second ?? first,
    foreground: words.given.has('foreground'),
    debug: words.given.has('debug'),
    sloppy: false,
  }
}

/** Layers are named, or nothing but a mount point is: the mount of an overlay. */
function namesLayers(words: Words): boolean {
  if (words.positionals.length < 2) return true
  return words.values('options').some(text => /(^|,)(lowerdir|remount)\b/.test(text))
}

/** `--transport=NAME` is `-o transport=NAME`. */
function optionsOf(words: Words): string[] {
  const transports = words.values('transport').map(name => `transport=${name}`)
  return [...words.values('options'), ...transports]
}

function imageMount(words: Words): ImageMountCommand {
  const [image = '', mountPoint = '', ...more] = words.positionals
  if (more.length > 0) throw new UsageError(`too many words: ${more.join(' ')}`)
  const verify = words.values('verify').at(-1) ?? 'quick'
  if (verify !== 'quick' && verify !== 'full' && verify !== 'none')
    throw new UsageError(`--verify=${verify}: it is quick, full or none`)
  const word = words.values('driver').at(-1) ?? 'plyfs'
  const driver = driverNamed(word)
  if (driver === null)
    throw new UsageError(
      `--driver=${word}: it is ${DRIVER_NAMES.join(', ')} or devicemapper (as block)`,
    )
  return {
    form: 'image',
    image,
    mountPoint,
    options: optionsOf(words),
    writable: words.values('rw').at(-1) ?? null,
    verify,
    driver,
    root: words.values('root').at(-1) ?? null,
    foreground: words.given.has('foreground'),
    debug: words.given.has('debug'),
  }
}
