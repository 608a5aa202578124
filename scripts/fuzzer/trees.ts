// A tree as the workers list it, and how two of them differ.
import { decode } from './operation.js'
import type { LoadedEntry } from './model.js'
import { sameTime } from './times.js'

export interface TreeEntry {
  readonly path: string
  readonly type: number
  readonly ino: string
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly rdev: string
  readonly mtime: string
  readonly ctime: string
  readonly btime: string
  readonly attributes: string
  /** Hash of the data, or the target of a symlink; `!N` is an errno. */
  readonly content: string
  readonly xattrs: ReadonlyMap<string, string>
  /** errno of a stat or a listing that failed. */
  readonly error: string
}

/**
 * Reads the answer of `tree`, by name: the order of a listing is the filesystem's own, and what
 * is chosen from it must be the same in every run of a seed.
 */
export function parseTree(answer: string): TreeEntry[] {
  const [result, ...tokens] = answer.split(' ')
  if (result !== '0') throw new Error(`tree: ${answer.slice(0, 100)}`)
  return tokens.map(parseEntry).sort((x, y) => (x.path < y.path ? -1 : 1))
}

function parseEntry(token: string): TreeEntry {
  const [path = '', type = '', stat = '', content = '', xattrs = ''] = token.split('|')
  const fields = stat.split(',')
  const error = [type, stat].find(field => field.startsWith('!')) ?? ''
  return {
    path: decode(path).replace(/^\.\//, ''),
    type: Number(type),
    ino: fields[0] ?? '',
    mode: parseInt(fields[1] ?? '0', 8),
    nlink: Number(fields[2]),
    uid: Number(fields[3]),
    gid: Number(fields[4]),
    size: Number(fields[5]),
    rdev: fields[6] ?? '',
    mtime: fields[7] ?? '',
    ctime: fields[8] ?? '',
    btime: fields[9] ?? '',
    attributes: fields[10] ?? '',
    content: decode(content),
    xattrs: parseXattrs(xattrs),
    error,
  }
}

function parseXattrs(list: string): Map<string, string> {
  if (list.startsWith('!')) return new Map([['', list]])
  const pairs = list === '' ? [] : list.split(';')
  return new Map(
    pairs.map(pair => {
      const [name = '', value = ''] = pair.split('=')
      return [decode(name), value] as const
    }),
  )
}

export function toModel(entries: readonly TreeEntry[]): LoadedEntry[] {
  return entries.map(entry => ({
    ...entry,
    target: entry.content,
    xattrs: [...entry.xattrs.keys()],
  }))
}

/** One difference in words: `path: field: this, that`. `kind` is the field alone. */
export interface Difference {
  readonly kind: string
  readonly text: string
}

export interface TreeRules {
  /** The raw directories below the mount, with whiteouts and overlay attributes. */
  readonly raw: boolean
  /** Whether times of birth are those on the disk. */
  readonly births: boolean
  /** Milliseconds since the epoch at which the run began. */
  readonly begin: number
}

const S_IFMT = 0o170000

export function compareTrees(
  a: readonly TreeEntry[],
  b: readonly TreeEntry[],
  rules: TreeRules,
): Difference[] {
  const differences: Difference[] = []
  const inB = new Map(b.map(entry => [entry.path, entry]))
  const paths = new Set(a.map(entry => entry.path))
  for (const entry of a) {
    const other = inB.get(entry.path)
    if (!other) {
      differences.push({
        kind: 'missing',
        text: `${show(entry.path)}: only in the first`,
      })
    } else {
      differences.push(...compareEntries(entry, other, rules))
    }
  }
  for (const entry of b) {
    if (!paths.has(entry.path)) {
      differences.push({ kind: 'extra', text: `${show(entry.path)}: only in the second` })
    }
  }
  if (differences.length === 0) differences.push(...compareGroups(a, b))
  return differences
}

function show(path: string): string {
  return path.length > 80 ? JSON.stringify(`${path.slice(0, 60)}…`) : JSON.stringify(path)
}

function isWhiteout(entry: TreeEntry): boolean {
  return (entry.mode & S_IFMT) === 0o020000 && entry.rdev === '0:0'
}

function compareEntries(a: TreeEntry, b: TreeEntry, rules: TreeRules): Difference[] {
  const differences: Difference[] = []
  const note = (kind: string, first: string, second: string): void => {
    if (first === second) return
    differences.push({ kind, text: `${show(a.path)}: ${kind}: ${first}, ${second}` })
  }
  note('error', a.error, b.error)
  note('d_type', String(a.type), String(b.type))
  note('mode', a.mode.toString(8), b.mode.toString(8))
  note('owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`)
  note('rdev', a.rdev, b.rdev)
  // Not compared: 'link counts and times of whiteouts'.
  if (rules.raw && isWhiteout(a)) return differences
  note('nlink', String(a.nlink), String(b.nlink))
  // Not compared: 'directory sizes'.
  if ((a.mode & S_IFMT) !== 0o040000) note('size', String(a.size), String(b.size))
  note('content', a.content, b.content)
  // Not compared through a mount: 'statx attributes'.
  if (rules.raw) note('attributes', a.attributes, b.attributes)
  // Not compared: 'times of birth after a copy-up'.
  for (const field of ['mtime', 'ctime', 'btime'] as const) {
    if (field === 'btime' && !rules.births) continue
    if (!sameTime(a[field], b[field], rules.begin)) note(field, a[field], b[field])
  }
  compareXattrs(a, b, rules, note)
  return differences
}

/** Attributes whose value is each side's own: 'uuid of the upper', 'handles of upper files'. */
const OWN_VALUES = new Set(['trusted.overlay.uuid', 'trusted.overlay.upper'])

function compareXattrs(
  a: TreeEntry,
  b: TreeEntry,
  rules: TreeRules,
  note: (kind: string, first: string, second: string) => void,
): void {
  for (const name of new Set([...a.xattrs.keys(), ...b.xattrs.keys()])) {
    const [first = 'none', second = 'none'] = [a.xattrs.get(name), b.xattrs.get(name)]
    const own = rules.raw && OWN_VALUES.has(name) && first !== 'none' && second !== 'none'
    if (!own) note(`xattr ${name.slice(0, 60)}`, first, second)
  }
}

/** Which paths share an inode: the same groups on both sides. */
function compareGroups(a: readonly TreeEntry[], b: readonly TreeEntry[]): Difference[] {
  const [first, second] = [groups(a), groups(b)]
  const differences: Difference[] = []
  for (const [path, leader] of first) {
    const other = second.get(path) ?? ''
    if (other !== leader) {
      differences.push({
        kind: 'hard links',
        text: `${show(path)}: same inode as ${show(leader)}, as ${show(other)}`,
      })
    }
  }
  return differences
}

/** Each path with the first path (by name) that has the same inode. */
function groups(entries: readonly TreeEntry[]): Map<string, string> {
  const leaders = new Map<string, string>()
  const result = new Map<string, string>()
  const order = [...entries].sort((x, y) => (x.path < y.path ? -1 : 1))
  for (const entry of order) {
    if (isWhiteout(entry)) continue
    const leader = leaders.get(entry.ino) ?? entry.path
    leaders.set(entry.ino, leader)
    result.set(entry.path, leader)
  }
  return result
}
