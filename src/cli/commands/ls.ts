// `plyfs ls IMAGE [PATH]`: a directory of an image, or one object, without a mount. Owners are
// numbers: their names are the image's affair.
import { ImageTree, type TarEntry, type TreeObject } from '../../image/image-tree.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { asBytes, printLine } from '../output.js'
import { showProgress } from '../progress.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface LsFlags extends StoreFlags {
  readonly long?: boolean
  readonly json?: boolean
}

/** One object of a listing. */
interface Listed {
  readonly name: string
  readonly entry: TarEntry
}

/** Prints a line for each name; 0. Throws an ImageError. */
export async function listDirectory(
  image: string,
  path: string,
  flags: LsFlags,
): Promise<number> {
  const store = await openStore(flags)
  const record = store.resolve(image)
  await store.unpacked(record, showProgress(true))
  const tree = new ImageTree(store, record)
  try {
    const listed = listing(tree, path, flags)
    if (flags.json === true)
      printLine(asBytes(JSON.stringify(textOfAnswer(listed.map(asJson)), null, 2)))
    else if (listed.length > 0)
      printLine((flags.long === true ? longLines(listed) : namesOf(listed)).join('\n'))
  } finally {
    tree.close()
  }
  return 0
}

/** What is in a directory; the object itself where it is none, as ls(1) has it. */
function listing(tree: ImageTree, path: string, flags: LsFlags): Listed[] {
  const found = tree.find(path, flags.long !== true || path.endsWith('/'))
  const isDirectory = found.found.directory !== undefined
  const objects = isDirectory ? tree.list(found) : [found]
  return objects.flatMap(object => {
    const entry = tree.describe(object)
    const name = isDirectory ? baseName(object) : path
    return entry === undefined ? [] : [{ name, entry }]
  })
}

function baseName({ path }: TreeObject): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function namesOf(listed: readonly Listed[]): string[] {
  return listed.map(({ name }) => name)
}

function longLines(listed: readonly Listed[]): string[] {
  const rows = listed.map(({ name, entry }) => [
    modeText(entry),
    `${entry.uid}:${entry.gid}`,
    sizeText(entry),
    timeText(entry),
    entry.type === 'symlink' ? `${name} -> ${entry.linkname}` : name,
  ])
  const widths = [0, 1, 2].map(i => Math.max(...rows.map(row => (row[i] ?? '').length)))
  return rows.map(([mode = '', owner = '', size = '', time = '', name = '']) =>
    [mode, owner.padEnd(widths[1] ?? 0), size.padStart(widths[2] ?? 0), time, name].join(
      ' ',
    ),
  )
}

const LETTERS = {
  file: '-',
  link: '-',
  directory: 'd',
  symlink: 'l',
  char: 'c',
  block: 'b',
  fifo: 'p',
} as const

/** As ls(1) writes it: the set-id and sticky bits in the place of `x`. */
function modeText({ type, mode }: TarEntry): string {
  const special = [
    [0o4000, 's'],
    [0o2000, 's'],
    [0o1000, 't'],
  ] as const
  const triples = special.map(([bit, letter], i) => {
    const bits = (mode >> (6 - 3 * i)) & 7
    const runs = (bits & 1) !== 0
    const plain = runs ? 'x' : '-'
    const marked = runs ? letter : letter.toUpperCase()
    const last = (mode & bit) !== 0 ? marked : plain
    return `${(bits & 4) !== 0 ? 'r' : '-'}${(bits & 2) !== 0 ? 'w' : '-'}${last}`
  })
  return LETTERS[type] + triples.join('')
}

function sizeText({ type, size, devmajor, devminor, linkname }: TarEntry): string {
  if (type === 'char' || type === 'block') return `${devmajor},${devminor}`
  return String(type === 'symlink' ? linkname.length : size)
}

function timeText({ mtime }: TarEntry): string {
  const date = new Date(mtime.sec * 1000)
  return Number.isNaN(date.getTime())
    ? String(mtime.sec)
    : date.toISOString().slice(0, 16).replace('T', ' ')
}

function asJson({ name, entry }: Listed): Record<string, unknown> {
  const { type, mode, uid, gid, size, mtime, linkname, devmajor, devminor } = entry
  const isDevice = type === 'char' || type === 'block'
  return {
    name,
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime: mtime.sec + mtime.nsec / 1e9,
    ...(type === 'symlink' ? { target: linkname } : {}),
    ...(isDevice ? { major: devmajor, minor: devminor } : {}),
  }
}
