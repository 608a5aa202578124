// What a mount through fuse-native is told, and what it cannot have. Pure.
import { isUtf8 } from 'node:buffer'
import { MS_RELATIME } from '../sys/constants.js'
import { wordsOfFlags } from './flag-words.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import type { MountRequest } from './mount-request.js'

/** libfuse counts seconds; names, absent ones and attributes that never change are kept so long. */
const FOR_EVER = 1e9
/** The package cuts options and mount points that are longer (mntopts and mnt of fuse-native.c). */
const LONGEST = 1000
/** The flags of mount(2) that libfuse 2 knows (mnt_flags of its lib/mount.c). */
const KNOWN = ['ro', 'nosuid', 'nodev', 'noexec', 'sync', 'dirsync', 'noatime']

/** Throws a MountError where the options ask for what only our own transport does. */
export function refuseForFuseNative(request: MountRequest): void {
  const asked: readonly (readonly [boolean, string, string])[] = [
    [
      request.allowOther === true,
      'allow_other',
      'the package does not say who calls, so all files would be made as the mounter',
    ],
    [request.passthrough === true, 'passthrough=on', 'libfuse 2 is too old for it'],
    [request.noOpen === true, 'no_open=on', 'libfuse 2 asks for each file'],
    [request.protocolMinor !== null, 'proto_minor', 'libfuse 2 speaks what it speaks'],
    [request.propagation !== 0, 'propagation', 'set it with mount --make-private ...'],
    [request.securityContext.length > 0, 'context', 'libfuse 2 does not pass it on'],
  ]
  for (const [isAsked, option, why] of asked) if (isAsked) throw refused(option, why)
  const words = wordsOfFlags(request.flagsOn & ~MS_RELATIME)
  for (const word of words)
    if (!KNOWN.includes(word)) throw refused(word, 'libfuse 2 does not know it')
}

function refused(option: string, why: string): MountError {
  return new MountError(
    `${option} cannot be had with the transport fuse-native: ${why}`,
    'leave one of the two out',
  )
}

/** The same plan as its overlay is built: numbers of inodes in 32 bits, no passthrough. */
export function planForFuseNative(plan: MountPlan): MountPlan {
  const overlay = { ...plan.overlay, ino32: true, passthrough: false }
  if (overlay.archive === null) return { ...plan, overlay }
  throw refused('an image in an archive', 'load it into the store')
}

/**
 * libfuse's options, without `-o fsname=`. Names may be kept, since all changes of names come by the
 * mount; attributes not where something may change, because two names of a file are two inodes to
 * the kernel: libfuse tells files apart by their path.
 */
export function libfuseOptions({ device, overlay, maxWrite }: MountPlan): string {
  const { timeout, readOnly, attachesUpper } = overlay
  const names = attachesUpper ? 0 : Math.min(timeout, FOR_EVER)
  const options = [
    escaped(device.source),
    `subtype=${escaped(device.subtype)}`,
    'default_permissions',
    'use_ino',
    'big_writes',
    `entry_timeout=${names}`,
    `negative_timeout=${names}`,
    `attr_timeout=${readOnly ? names : 0}`,
    ...(device.maxRead === null ? [] : [`max_read=${device.maxRead}`]),
    ...(maxWrite === null ? [] : [`max_write=${maxWrite}`]),
    ...wordsOfFlags(device.flags & ~MS_RELATIME),
    // It begins with nosuid and nodev, and takes no full mount point.
    ...(device.privileged ? ['nonempty', ...mayBeGiven(device.flags)] : []),
  ]
  return asText('options', options.join(','))
}

function mayBeGiven(flags: number): string[] {
  const words = wordsOfFlags(flags)
  return ['suid', 'dev'].filter(word => !words.includes(`no${word}`))
}

/** The mount point as the package takes it. */
export function mountPointText(plan: MountPlan): string {
  return asText('mount point', plan.mountPoint)
}

/** Bytes as the text that they are in UTF-8. Throws a MountError. */
function asText(what: string, latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  if (bytes.length > LONGEST)
    throw refused(`a ${what} of ${bytes.length} bytes`, `${LONGEST} are the most`)
  if (!isUtf8(bytes))
    throw refused(`a ${what} that is no UTF-8`, 'the package takes text')
  return bytes.toString('utf8')
}

/** fuse_opt_parse takes a comma after a backslash for no separator. */
function escaped(text: string): string {
  return text.replace(/[\\,]/g, '\\$&')
}
