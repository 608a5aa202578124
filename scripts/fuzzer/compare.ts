// Whether two answers to one step are the same, but for what not-compared.ts lists.
import { result, type Finding } from './answer.js'
import { Identities } from './identities.js'
import { Streams } from './streams.js'
import { isUser, type Inode, type Model } from './model.js'
import { number, text, type Step } from './operation.js'
import type { Filesystem } from './scratch.js'
import { sameTime } from './times.js'

export class Comparer {
  readonly #identities: Identities
  readonly #streams = new Streams()

  readonly model: Model
  readonly begin: number
  readonly fs: Filesystem

  constructor(model: Model, begin: number, fs: Filesystem) {
    this.model = model
    this.fs = fs
    this.begin = begin
    this.#identities = new Identities(begin)
  }

  /**
   * Which side is kernel overlayfs. Not compared: 'inode numbers in listings of kernel overlayfs'.
   */
  kernelSides: readonly [a: boolean, b: boolean] = [true, false]

  /** The numbers that were seen before no longer count: the sides have changed places. */
  forgetNumbers(): void {
    this.#identities.forget()
  }

  forgetOpenFiles(): void {
    this.#streams.clear()
  }

  /** Compares two answers; the model still stands before the step. */
  compare(step: Step, a: string, b: string): Finding | undefined {
    const [first, second] = [result(a), result(b)]
    const name = step[1]
    const text = `${a} | ${b}`
    const different = { kind: `${name}: ${show(first)}, ${show(second)}`, text }
    if (STOPPED.has(a) || STOPPED.has(b)) return { kind: `${name}: ${a}, ${b}`, text }
    if (name === 'dirseek') this.#streams.seek(this.model, step, [first, second])
    if (this.#known(step, first, second)) return undefined
    if (first < 0 || second < 0) return first === second ? undefined : different
    const compared = this.#byName(step, a, b)
    if (compared !== 'plain') return compared
    if (a === b) return undefined
    return first === second ? { kind: name, text } : different
  }

  /** The operations whose answers are more than a value. */
  #byName(step: Step, a: string, b: string): Finding | undefined | 'plain' {
    switch (step[1]) {
      case 'stat':
      case 'lstat':
      case 'fstat':
        return this.#compareStat(step, a, b)
      case 'list':
        return this.#compareList(a, b)
      case 'listxattr':
      case 'flistxattr':
        if (sorted(a) === sorted(b)) return undefined
        return { kind: 'listxattr', text: `${a} | ${b}` }
      case 'dirread':
        return this.#streams.read(this.model, step, a, b)
      case 'dirseek':
        return undefined
      case 'statfs':
        return compareStatfs(a, b)
      default:
        return 'plain'
    }
  }

  /** Results that differ for a reason of not-compared.ts. */
  #known(step: Step, first: number, second: number): boolean {
    return (
      (step[1] === 'seekdata' && sameSeek(step, first, second)) ||
      this.#seeksInDirectory(step, first, second) ||
      this.#seeksInRemoved(step, first, second) ||
      (step[1] === 'dirseek' && sameRewind(first, second)) ||
      this.#removesNoAcl(step, first, second) ||
      this.#meetsLocked(step, first, second)
    )
  }

  /** After a step that has succeeded, and been entered into the model. */
  applied(step: Step): void {
    this.#streams.applied(this.model, step)
    const [who, name] = step
    if (!isUser(who)) return
    if (name === 'rename' && this.fs === 'xfs') {
      for (const path of [text(step[2]), text(step[3])]) {
        const inode = this.model.find(who, path, false)?.inode
        if (inode) this.#identities.moved(inode)
      }
    }
    if (name !== 'list' && name !== 'dirread') return
    const listed =
      name === 'list'
        ? this.model.find(who, text(step[2]), true)?.inode
        : this.model.slot(who, number(step[2]))?.inode
    if (listed) this.#identities.listed(listed)
  }

  /** The whole tree has been listed. */
  walked(): void {
    for (const inode of this.model.paths().values()) this.#identities.listed(inode)
  }

  /** Not compared: 'holes of directories'. */
  #seeksInDirectory(step: Step, first: number, second: number): boolean {
    const [who, name, slot] = step
    if ((name !== 'seekdata' && name !== 'lseek') || !isUser(who)) return false
    if (this.model.slot(who, number(slot))?.inode.kind !== 'directory') return false
    if (name === 'seekdata') return true
    const overlay = this.kernelSides[0] ? first : second
    const other = this.kernelSides[0] ? second : first
    return number(step[4]) === SEEK_END && overlay === -EINVAL && other >= 0
  }

  /** Not compared: 'positions in a removed directory'. */
  #seeksInRemoved([who, name, slot]: Step, first: number, second: number): boolean {
    if (name !== 'dirseek' || !isUser(who)) return false
    const overlay = this.kernelSides[0] ? first : second
    const other = this.kernelSides[0] ? second : first
    if (overlay !== -EINVAL || other !== 0) return false
    return this.model.slot(who, number(slot))?.inode.lostName === true
  }

  /** Not compared: 'removing an ACL that is not there'. */
  #removesNoAcl(step: Step, first: number, second: number): boolean {
    const [, name, , attribute] = step
    if (name !== 'removexattr' && name !== 'fremovexattr') return false
    if (!text(attribute).startsWith('system.posix_acl_')) return false
    const overlay = this.kernelSides[0] ? first : second
    const other = this.kernelSides[0] ? second : first
    return overlay === -ENODATA && other === 0
  }

  /** Not compared: 'link counts of removed lower files'. */
  #showsLowerCount(step: Step, field: string, a: string, b: string): boolean {
    const overlay = this.kernelSides[0] ? a : b
    const other = this.kernelSides[0] ? b : a
    if (step[1] !== 'fstat' || field !== 'nlink' || other !== '0') return false
    const inode = this.#statted(step)
    const removed =
      inode?.kind === 'directory' ? inode.lostName : (inode?.links ?? 1) <= 0
    return Number(overlay) > 0 && removed
  }

  /** Not compared: 'which errno an immutable file gives'. */
  #meetsLocked(step: Step, first: number, second: number): boolean {
    const [who, , ...args] = step
    const overlay = this.kernelSides[0] ? first : second
    const other = this.kernelSides[0] ? second : first
    if (overlay !== -EPERM || !mayAnswer(step, other) || !isUser(who)) return false
    return args.some(argument => {
      if (typeof argument === 'number')
        return this.model.slot(who, argument)?.inode.locked
      const found = [true, false].map(follow => this.model.find(who, argument, follow))
      return found.some(each => each?.inode?.locked === true || each?.parent?.locked)
    })
  }

  #compareList(a: string, b: string): Finding | undefined {
    const [first = '', second = ''] = [a, b].map((answer, side) =>
      this.kernelSides[side] ? answer.replaceAll(',I', ',i') : answer,
    )
    if (sorted(first) === sorted(second)) return undefined
    return { kind: 'list', text: listDifference(first, second) }
  }

  #compareStat(step: Step, a: string, b: string): Finding | undefined {
    const [x, y] = [fields(a), fields(b)]
    for (const [i, field] of STAT_FIELDS.entries()) {
      const [first = '', second = ''] = [x[i], y[i]]
      // Not compared: 'statx attributes', 'directory sizes', 'times of birth after a copy-up'.
      if (field === 'ino' || field === 'attributes' || field === 'btime') continue
      if (field === 'size' && isDirectory(x)) continue
      const same = field.endsWith('time')
        ? sameTime(first, second, this.begin)
        : first === second
      if (!same && !this.#showsLowerCount(step, field, first, second))
        return { kind: `stat ${field}`, text: `${field}: ${first} | ${second}` }
    }
    const inode = this.#statted(step)
    if (inode === undefined) return undefined
    return this.#identities.seen(inode, toSeen(x), toSeen(y), this.kernelSides)
  }

  #statted(step: Step): Inode | undefined {
    const [who, name] = step
    if (!isUser(who)) return undefined
    if (name === 'fstat') return this.model.slot(who, number(step[2]))?.inode
    const follow = name === 'stat' && number(step[3]) === 0
    return this.model.find(who, text(step[2]), follow)?.inode
  }
}

/** What a FUSE mount may answer where an inode of a disk is immutable. */
function mayAnswer(step: Step, result: number): boolean {
  if (result === 0) return asksNobody(step)
  if (result === -ENOTDIR || result === -EISDIR) return REMOVES.has(step[1])
  return result === -EACCES || (result === -ENOENT && step[1] === 'linkslot')
}

/** may_delete() of the VFS looks at the flags first, then at the kind. */
const REMOVES = new Set(['rmdir', 'unlink', 'rename'])

/** access(2), a copy from the end of a file, the removal of what only directories have. */
function asksNobody([, name, , attribute]: Step): boolean {
  if (name === 'access' || name === 'copy') return true
  const removes = name === 'removexattr' || name === 'fremovexattr'
  return removes && attribute === 'system.posix_acl_default'
}

const STOPPED = new Set(['hang', 'dead'])
const STAT_FIELDS = [
  'ino',
  'mode',
  'nlink',
  'uid',
  'gid',
  'size',
  'rdev',
  'mtime',
  'ctime',
  'btime',
  'attributes',
] as const

function toSeen(values: readonly string[]): {
  ino: string
  mtime: string
  ctime: string
} {
  return { ino: values[0] ?? '', mtime: values[7] ?? '', ctime: values[8] ?? '' }
}

/** Positive values would make every length its own kind. */
function show(value: number): string {
  return value > 0 ? 'n' : String(value)
}

function fields(answer: string): string[] {
  return (answer.split(' ')[1] ?? '').split(',')
}

function isDirectory(stat: readonly string[]): boolean {
  return (parseInt(stat[1] ?? '0', 8) & 0o170000) === 0o040000
}

function sorted(answer: string): string {
  return answer.split(' ').slice(1).sort().join(' ')
}

function listDifference(a: string, b: string): string {
  const [x, y] = [new Set(a.split(' ')), new Set(b.split(' '))]
  const only = [...x].filter(entry => !y.has(entry))
  const extra = [...y].filter(entry => !x.has(entry))
  return `only in the first: ${only.join(' ')} | only in the second: ${extra.join(' ')}`
}

/** Not compared: 'holes'. A hole at the end may be there on one side alone. */
function sameSeek(step: Step, first: number, second: number): boolean {
  const data = number(step[4]) === 3
  const found = (value: number): boolean => value >= 0 || (data && value === -ENXIO)
  return first === second || (found(first) && found(second))
}

/**
 * Not compared: 'partial listings'. How many records a side has read when names come and go
 * depends on its order; the executor answers EBADF, and stays where it is, when they are fewer.
 */
function sameRewind(first: number, second: number): boolean {
  return (first === -EBADF && second === 0) || (first === 0 && second === -EBADF)
}

const SEEK_END = 2
const EBADF = 9
const ENOTDIR = 20
const EISDIR = 21
const EINVAL = 22
const ENOENT = 2
const ENXIO = 6
const ENODATA = 61
const EPERM = 1
const EACCES = 13

/** type,bsize,frsize,blocks,files,namelen: the last one alone is not each side's own. */
function compareStatfs(a: string, b: string): Finding | undefined {
  const [x, y] = [fields(a)[5], fields(b)[5]]
  return x === y ? undefined : { kind: 'statfs namelen', text: `${x} | ${y}` }
}
