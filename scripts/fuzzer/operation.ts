// A recorded operation: who does what. This is what a case file holds and what the workers are
// sent; the arguments' order is that of the executor (executor/*.c).

export const USERS = ['u0', 'u1', 'u2'] as const
export type User = (typeof USERS)[number]

export interface Identity {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly umask: number
}

/** Root and two ordinary users that share one group; three different umasks. */
export const IDENTITIES: Readonly<Record<User, Identity>> = {
  u0: { uid: 0, gid: 0, groups: [0], umask: 0o022 },
  u1: { uid: 1001, gid: 1001, groups: [1001, 2000, 2001], umask: 0o002 },
  u2: { uid: 1002, gid: 1002, groups: [1002, 2000, 2002], umask: 0o077 },
}

export type Argument = string | number

/** `['u1', 'rename', 'a', 'b', 0]`; steps of the harness itself are done by `*`. */
export type Step = readonly [who: User | '*', name: string, ...args: readonly Argument[]]

/** What the harness does between operations, to both sides. */
export const HARNESS_STEPS = ['remount', 'swap', 'drop-caches', 'check'] as const

/** The line for a worker, without its name. File names are latin1 strings, one byte a character. */
export function encode(step: Step): string {
  const [, name, ...args] = step
  return [name, ...args.map(encodeArgument)].join(' ')
}

function encodeArgument(argument: Argument): string {
  if (typeof argument === 'number') return String(argument)
  if (argument === '') return '%-'
  const prefix = /^@\d+(?=\/|$)/.exec(argument)?.[0] ?? ''
  return prefix + escape(argument.slice(prefix.length))
}

function escape(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const plain = code > 0x20 && code < 0x7f && code !== 0x25 && code !== 0x40
    out += plain ? text.charAt(i) : '%' + code.toString(16).padStart(2, '0')
  }
  return out
}

/** The reverse, for what workers answer. */
export function decode(text: string): string {
  if (text === '%-') return ''
  return text.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
}

export function text(argument: Argument | undefined): string {
  return typeof argument === 'string' ? argument : ''
}

export function number(argument: Argument | undefined): number {
  return typeof argument === 'number' ? argument : 0
}
