// Numbers of the kernel's interface (x86-64 and aarch64 agree on all but three of O_*), and how
// steps are shown to people.
import { arch } from 'node:process'
import { text, type Argument, type Step } from './operation.js'

const arm = arch === 'arm64'
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  SYNC: 0o4010000,
  DIRECT: arm ? 0o200000 : 0o40000,
  DIRECTORY: arm ? 0o40000 : 0o200000,
  NOFOLLOW: arm ? 0o100000 : 0o400000,
  NOATIME: 0o1000000,
  PATH: 0o10000000,
  TMPFILE: 0o20000000 | (arm ? 0o40000 : 0o200000),
} as const

export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 16 } as const
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const
export const AT_SYMLINK_FOLLOW = 0x400
export const UTIME_NOW = 0x3fffffff
export const UTIME_OMIT = 0x3ffffffe
export const FS_IMMUTABLE = 0x10
export const FS_APPEND = 0x20
export const FS_NODUMP = 0x40
export const FS_NOATIME = 0x80

/** One step in words, for reports. */
export function describe(step: Step): string {
  const [who, name, ...args] = step
  const shown = args.map((argument, i) => showArgument(name, i, argument))
  return `${who} ${name} ${shown.join(' ')}`.trimEnd()
}

const OCTAL: Readonly<Record<string, number>> = {
  mkdir: 1,
  mknod: 1,
  chmod: 1,
  fchmod: 1,
  program: 1,
  umask: 0,
}

function showArgument(name: string, position: number, argument: Argument): string {
  if (name === 'open' && position === 2 && typeof argument === 'number')
    return showOpen(argument)
  if (name === 'open' && position === 3) return showOctal(argument)
  if (OCTAL[name] === position) return showOctal(argument)
  if (typeof argument === 'number') return String(argument)
  const shown = JSON.stringify(text(argument))
  return shown.length > 70 ? `${shown.slice(0, 60)}…"(${argument.length})` : shown
}

function showOctal(argument: Argument): string {
  return `0${Number(argument).toString(8)}`
}

function showOpen(flags: number): string {
  const names = [['RDONLY', 'WRONLY', 'RDWR', '3'][flags & 3] ?? '']
  let left = flags & ~3
  if ((left & O.TMPFILE) === O.TMPFILE) {
    names.push('TMPFILE')
    left &= ~O.TMPFILE
  }
  for (const [name, bits] of Object.entries(O)) {
    if (bits > 2 && name !== 'TMPFILE' && (left & bits) === bits) {
      names.push(name)
      left &= ~bits
    }
  }
  if (left) names.push(`0x${left.toString(16)}`)
  return names.join('|')
}
