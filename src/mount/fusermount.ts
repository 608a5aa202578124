// Mounting and unmounting as an ordinary user, through the set-uid program fusermount3. It opens
// /dev/fuse, mounts, and hands the descriptor over on a unix socket (_FUSE_COMMFD, as in libfuse's
// lib/mount.c).
import { isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import { FsError } from '../errno/fs-error.js'
import { close } from '../sys/file.js'
import { receiveFd, socketpair } from '../sys/process.js'
import { wordsOfFlags } from './flag-words.js'
import { MountError } from './mount-error.js'
import type { DeviceMount } from './mount-plan.js'

/** Mounts and returns the device's descriptor. Throws a MountError with what fusermount3 said. */
export function mountByFusermount(device: DeviceMount, mountPoint: string): number {
  const sockets = new Int32Array(2)
  const made = socketpair(sockets)
  if (made < 0) throw new FsError(made, 'socketpair')
  const [ours = -1, theirs = -1] = sockets
  try {
    const said = run(['-o', fusermountOptions(device)], mountPoint, theirs)
    close(theirs)
    if (said !== null) {
      throw new MountError(
        `cannot mount on ${mountPoint}: ${said}`,
        'correct that, or mount as root',
      )
    }
    const fd = receiveFd(ours)
    if (fd < 0) {
      unmountByFusermount(mountPoint, true)
      throw new FsError(fd, 'recvmsg from fusermount3')
    }
    return fd
  } finally {
    close(ours)
  }
}

/** Null when unmounted, else what fusermount3 said. */
export function unmountByFusermount(mountPoint: string, lazy: boolean): string | null {
  return run(lazy ? ['-u', '-z'] : ['-u'], mountPoint, null)
}

/** Commas and backslashes in the source are escaped, as fuse_opt_add_opt_escaped does. */
export function fusermountOptions(device: DeviceMount): string {
  return [
    `fsname=${device.source.replace(/[\\,]/g, '\\$&')}`,
    `subtype=${device.subtype.replace(/[\\,]/g, '\\$&')}`,
    'default_permissions',
    ...(device.allowOther ? ['allow_other'] : []),
    ...(device.maxRead === null ? [] : [`max_read=${device.maxRead}`]),
    ...wordsOfFlags(device.flags),
  ].join(',')
}

/**
 * Loaded when it is needed, since most mounts are root's and it costs a tenth of the start. It is
 * part of the Node program: there is no file of it that a mount could cover.
 */
function childProcess(): typeof import('node:child_process') {
  const load = createRequire(import.meta.url)
  return load('node:child_process') as typeof import('node:child_process')
}

const PROGRAMS = ['fusermount3', 'fusermount']

/** Null on success, else the first line of its complaint. */
function run(
  options: readonly string[],
  mountPoint: string,
  socket: number | null,
): string | null {
  for (const program of PROGRAMS) {
    const [command, args] = commandLine(program, options, mountPoint)
    const result = childProcess().spawnSync(command, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...(socket === null ? [] : [socket])],
      env: { ...process.env, _FUSE_COMMFD: '3' },
    })
    const isMissing =
      result.status === NOT_FOUND ||
      (result.error !== undefined &&
        'code' in result.error &&
        result.error.code === 'ENOENT')
    if (isMissing) continue
    if (result.error !== undefined) return `${program}: ${result.error.message}`
    if (result.status === 0) return null
    const [line = ''] = result.stderr.toString('latin1').trim().split('\n')
    return line === '' ? `${program} failed without a word` : line
  }
  return "fusermount3 is not installed (Debian's package fuse3)"
}

/** The status of a shell that found no such program. */
const NOT_FOUND = 127

/**
 * Node hands arguments over as UTF-8. A name that is not goes through the shell, which makes its
 * bytes out of octal escapes; the point keeps a newline at its end.
 */
function commandLine(
  program: string,
  options: readonly string[],
  mountPoint: string,
): [string, string[]] {
  const bytes = Buffer.from(mountPoint, 'latin1')
  const optionBytes = Buffer.from(options.join(' '), 'latin1')
  if (isUtf8(bytes) && isUtf8(optionBytes)) {
    const texts = options.map(option => Buffer.from(option, 'latin1').toString('utf8'))
    return [program, [...texts, '--', bytes.toString('utf8')]]
  }
  const words = [program, ...options, '--', mountPoint].map(octal)
  return ['/bin/sh', ['-c', DECODE_AND_RUN, 'sh', ...words]]
}

const DECODE_AND_RUN =
  'for word; do shift; text=$(printf "%b." "$word"); set -- "$@" "${text%.}"; done; exec "$@"'

function octal(text: string): string {
  return [...Buffer.from(text, 'latin1')]
    .map(byte => `\\0${byte.toString(8).padStart(3, '0')}`)
    .join('')
}
