// One base tree and a list of changes to it, for tests that compare what two programs make of the
// same changes. Each change is independent of the others; the result on a plain directory says
// what is right.
import * as calls from './calls.js'
import { C } from './calls.js'
import {
  character,
  dir,
  fifo,
  file,
  hardlink,
  socket,
  symlink,
  type Tree,
} from './tree.js'

const T = 1_600_000_000_123_456_789n

/** A directory with some of everything, one for each change that needs one. */
function house(): Tree {
  return {
    a: file('a of the house', { mode: 0o640, mtime: T }),
    b: file('b', { uid: 12, gid: 34, mtime: T }),
    sub: dir(
      {
        x: file('x', { mtime: T }),
        deep: dir({ y: file('y', { mtime: T }) }, { mtime: T }),
      },
      { mode: 0o751, mtime: T },
    ),
    empty: dir({}, { mtime: T }),
    link: symlink('a', { mtime: T }),
    pipe: fifo({ mtime: T }),
    sock: socket({ mtime: T }),
    zero: character(1, 5, { mode: 0o666, mtime: T }),
  }
}

export interface Change {
  readonly name: string
  /** Acts on a house. */
  readonly run: (at: string) => void
}

/** What can be done to a house. */
export const changes: readonly Change[] = [
  { name: 'nothing', run: () => undefined },
  { name: 'write', run: at => calls.writeFile(`${at}/a`, 'written') },
  {
    name: 'append',
    run: at =>
      calls.withOpen(`${at}/a`, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, ', more')),
  },
  {
    name: 'truncate',
    run: at => calls.withOpen(`${at}/a`, C.O_WRONLY, fd => calls.ftruncate(fd, 3)),
  },
  { name: 'chmod', run: at => calls.chmod(`${at}/a`, 0o604) },
  { name: 'chmod-directory', run: at => calls.chmod(`${at}/sub`, 0o700) },
  { name: 'chown', run: at => calls.lchown(`${at}/link`, 5, 6) },
  { name: 'chown-special', run: at => calls.chown(`${at}/zero`, 7, 8) },
  { name: 'times', run: at => calls.utimens(`${at}/pipe`, 1n, 2_000_000_003n) },
  { name: 'attribute', run: at => calls.setxattr(`${at}/sub/x`, 'user.k', 'v') },
  { name: 'trusted', run: at => calls.setxattr(`${at}/sub`, 'trusted.k', 'v') },
  { name: 'unlink', run: at => calls.unlink(`${at}/a`) },
  { name: 'unlink-all', run: at => ['a', 'b', 'link', 'pipe', 'sock', 'zero'].forEach(n => calls.unlink(`${at}/${n}`)) }, // prettier-ignore
  { name: 'rmdir', run: at => calls.rmdir(`${at}/empty`) },
  { name: 'remove-tree', run: at => calls.removeTree(`${at}/sub`) },
  { name: 'create', run: at => calls.writeFile(`${at}/new`, 'new') },
  { name: 'create-deep', run: at => calls.writeFile(`${at}/sub/deep/new`, 'new') },
  {
    name: 'create-again',
    run: at => {
      calls.unlink(`${at}/a`)
      calls.writeFile(`${at}/a`, 'made again')
    },
  },
  { name: 'mkdir', run: at => calls.mkdir(`${at}/made`) },
  {
    name: 'mkdir-again',
    run: at => {
      calls.removeTree(`${at}/sub`)
      calls.mkdir(`${at}/sub`)
      calls.writeFile(`${at}/sub/new`, 'in a new directory')
    },
  },
  {
    name: 'directory-for-file',
    run: at => {
      calls.unlink(`${at}/a`)
      calls.mkdir(`${at}/a`)
    },
  },
  {
    name: 'file-for-directory',
    run: at => {
      calls.removeTree(`${at}/sub`)
      calls.writeFile(`${at}/sub`, 'a file now')
    },
  },
  { name: 'rename', run: at => calls.rename(`${at}/a`, `${at}/renamed`) },
  { name: 'rename-over', run: at => calls.rename(`${at}/a`, `${at}/b`) },
  { name: 'rename-into', run: at => calls.rename(`${at}/a`, `${at}/sub/deep/a`) },
  { name: 'rename-link', run: at => calls.rename(`${at}/link`, `${at}/link2`) },
  { name: 'rename-directory', run: at => calls.rename(`${at}/sub`, `${at}/moved`) },
  {
    name: 'rename-into-directory',
    run: at => calls.rename(`${at}/sub`, `${at}/empty/sub`),
  },
  { name: 'rename-over-empty', run: at => calls.rename(`${at}/sub`, `${at}/empty`) },
  {
    name: 'rename-twice',
    run: at => {
      calls.rename(`${at}/sub/deep`, `${at}/deep`)
      calls.rename(`${at}/sub`, `${at}/deep/sub`)
      calls.rename(`${at}/deep`, `${at}/far`)
    },
  },
  {
    name: 'rename-and-change',
    run: at => {
      calls.rename(`${at}/sub`, `${at}/moved`)
      calls.writeFile(`${at}/moved/x`, 'changed')
      calls.unlink(`${at}/moved/deep/y`)
      calls.mkdir(`${at}/sub`)
      calls.writeFile(`${at}/sub/x`, 'another x')
    },
  },
  { name: 'exchange', run: at => calls.rename(`${at}/a`, `${at}/b`, C.RENAME_EXCHANGE) },
  {
    name: 'exchange-directories',
    run: at => calls.rename(`${at}/sub`, `${at}/empty`, C.RENAME_EXCHANGE),
  },
  {
    name: 'exchange-kinds',
    run: at => calls.rename(`${at}/a`, `${at}/sub`, C.RENAME_EXCHANGE),
  },
  { name: 'link', run: at => calls.link(`${at}/a`, `${at}/sub/a`) },
  {
    name: 'link-and-unlink',
    run: at => {
      calls.link(`${at}/a`, `${at}/a2`)
      calls.unlink(`${at}/a`)
    },
  },
  { name: 'symlink', run: at => calls.symlink('sub/x', `${at}/new-link`) },
  { name: 'mknod', run: at => calls.mknod(`${at}/dev`, C.S_IFCHR | 0o600, 1, 7) },
]

/** Changes of files with several names; they act on a `twins` directory. */
export const linkChanges: readonly Change[] = [
  { name: 'nothing', run: () => undefined },
  { name: 'write', run: at => calls.writeFile(`${at}/one`, 'by one') },
  { name: 'write-other', run: at => calls.writeFile(`${at}/d/two`, 'by two') },
  { name: 'chmod', run: at => calls.chmod(`${at}/three`, 0o600) },
  { name: 'unlink', run: at => calls.unlink(`${at}/one`) },
  {
    name: 'unlink-two',
    run: at => {
      calls.unlink(`${at}/one`)
      calls.unlink(`${at}/d/two`)
    },
  },
  {
    name: 'unlink-all',
    run: at => {
      for (const name of ['one', 'd/two', 'three']) calls.unlink(`${at}/${name}`)
    },
  },
  { name: 'rename', run: at => calls.rename(`${at}/one`, `${at}/d/one`) },
  { name: 'link', run: at => calls.link(`${at}/d/two`, `${at}/four`) },
  {
    name: 'write-and-unlink',
    run: at => {
      calls.writeFile(`${at}/one`, 'written')
      calls.unlink(`${at}/one`)
    },
  },
  {
    name: 'replace',
    run: at => {
      calls.writeFile(`${at}/new`, 'new')
      calls.rename(`${at}/new`, `${at}/three`)
    },
  },
]

function twins(): Tree {
  return {
    one: file('three names', { mtime: T }),
    d: dir({}, { mtime: T }),
  }
}

/** The base: a house for each change, and twins for each change of links. */
export function baseTree(): Tree {
  const entries: Record<string, Tree[string]> = {}
  for (const { name } of changes) entries[`house-${name}`] = dir(house(), { mtime: T })
  for (const { name } of linkChanges) {
    const top = `twins-${name}`
    const { d, ...rest } = twins()
    entries[top] = dir({
      ...rest,
      d: dir(
        { two: hardlink(`${top}/one`) },
        d?.type === 'directory' ? { mtime: T } : {},
      ),
      three: hardlink(`${top}/one`),
    })
  }
  return entries
}

/** Whether a change renames a directory of the base tree, which some overlays refuse (EXDEV). */
export function renamesDirectory(name: string): boolean {
  return /^house-(rename-(directory|into-directory|over-empty|twice|and-change)|exchange-(directories|kinds))$/.test(
    name,
  )
}

/** Makes the changes in `directory`, which holds the base tree; without those to be left out. */
export function makeChanges(
  directory: string,
  omit: (name: string) => boolean = () => false,
): void {
  const named = [
    ...changes.map(({ name, run }) => [`house-${name}`, run] as const),
    ...linkChanges.map(({ name, run }) => [`twins-${name}`, run] as const),
  ]
  for (const [name, run] of named) if (!omit(name)) run(`${directory}/${name}`)
}
