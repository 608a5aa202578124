// Inode numbers are persistent: over copy-up, rename and remount, of files and directories, with
// layers on one filesystem and on several; what is listed is what stat says.
import type { Test } from 'tap'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { freshDirectory, type Kind, sharedFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'
import { getdents } from '../../helpers/system-calls.js'
import { makeStack } from '../../helpers/stack.js'
import {
  dir,
  fifo,
  file,
  hardlink,
  pathsOf,
  symlink,
  type Tree,
} from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const bottom: Tree = {
  f: file('f'),
  h: hardlink('f'),
  l: symlink('f'),
  p: fifo(),
  d: dir({ a: file('a'), e: dir({ x: file('x') }) }),
  moved: dir({ m: file('m') }),
}
const top: Tree = { d: dir({ b: file('b') }), only: file('top') }
const NAMES = [...pathsOf(bottom), 'd/b', 'only', '.']

function numbers(
  point: string,
  names: readonly string[] = NAMES,
): Record<string, string> {
  return Object.fromEntries(
    names.map(name => [name, String(calls.lstat(`${point}/${name}`).ino)]),
  )
}

/** Every listing says the numbers that stat says; one device for all. */
function consistent(t: Test, point: string): void {
  const devices = new Set<string>()
  const walk = (path: string): void => {
    devices.add(calls.lstat(path).dev)
    for (const entry of calls.listAll(path)) {
      if (entry.name === '..' && path === point) continue
      const stat = calls.lstat(`${path}/${entry.name}`)
      if (stat.ino !== entry.ino)
        t.fail(`${path}/${entry.name}: listed ${entry.ino}, is ${stat.ino}`)
      const below = entry.name !== '.' && entry.name !== '..'
      if (below && (stat.mode & C.S_IFMT) === C.S_IFDIR) walk(`${path}/${entry.name}`)
    }
  }
  walk(point)
  t.equal(devices.size, 1, 'one device')
}

async function persistent(t: Test, kind: Kind, lowerKind: Kind): Promise<void> {
  const layers = await makeStack({ lowers: [top, bottom], kind, lowerKind })
  const first = await mountPlyfs(layers)
  const before = numbers(first.point)
  t.equal(
    new Set(Object.values(before)).size,
    NAMES.length - 1,
    'all differ but for two names of one file',
  )
  consistent(t, first.point)
  for (const name of NAMES)
    calls.utimens(`${first.point}/${name}`, 1n, 2n, C.AT_SYMLINK_NOFOLLOW)
  t.same(numbers(first.point), before, 'after copy-up')
  calls.writeFile(`${first.point}/d/new`, 'new')
  consistent(t, first.point)
  const withNew = numbers(first.point, [...NAMES, 'd/new'])
  t.same(await first.end(), [])

  const second = await mountPlyfs(layers)
  t.same(numbers(second.point, [...NAMES, 'd/new']), withNew, 'after a remount')
  consistent(t, second.point)
  calls.rename(`${second.point}/d/a`, `${second.point}/a2`)
  calls.rename(`${second.point}/moved`, `${second.point}/d/moved2`)
  calls.rename(`${second.point}/d`, `${second.point}/d2`)
  t.equal(String(calls.lstat(`${second.point}/a2`).ino), before['d/a'], 'a renamed file')
  t.equal(
    String(calls.lstat(`${second.point}/d2`).ino),
    before['d'],
    'a renamed directory',
  )
  t.same(await second.end(), [])

  const third = await mountPlyfs(layers)
  consistent(t, third.point)
  t.equal(
    String(calls.lstat(`${third.point}/a2`).ino),
    before['d/a'],
    'a renamed file later',
  )
  t.equal(
    String(calls.lstat(`${third.point}/d2/moved2/m`).ino),
    before['moved/m'],
    'in a moved directory',
  )
  t.equal(
    String(calls.lstat(`${third.point}/d2`).ino),
    before['d'],
    'a renamed directory later',
  )
  t.equal(
    String(calls.lstat(`${third.point}/d2/e`).ino),
    before['d/e'],
    'below a renamed directory',
  )
  t.same(await third.end(), [])
}

t.test('all on ext4', t => persistent(t, 'ext4', 'ext4'))
t.test('all on xfs', t => persistent(t, 'xfs', 'xfs'))
t.test('an upper on xfs over ext4', t => persistent(t, 'xfs', 'ext4'))
t.test('an upper on ext4 over xfs', t => persistent(t, 'ext4', 'xfs'))
t.test('an upper on ext4 over btrfs', t => persistent(t, 'ext4', 'btrfs'))

t.test('two readers of one listing are told the same numbers', async t => {
  const other = await sharedFilesystem('tmpfs')
  const lower = [freshDirectory(scratch()), freshDirectory(other.root)]
  calls.mkdir(`${lower[1] ?? ''}/d`)
  // More than one call's worth, and less than one batch.
  for (let i = 0; i < 200; i++)
    calls.mknod(`${lower[1] ?? ''}/d/${i}-${'x'.repeat(100)}`, C.S_IFREG | 0o644)
  const mounted = await mountPlyfs({ lower })
  const readers = [1, 2].map(() =>
    calls.withOpen(`${mounted.point}/d`, C.O_RDONLY, fd => getdents(fd)),
  )
  const [first = [], second = []] = readers.map(entries =>
    entries.filter(({ name }) => name !== '..').map(({ name, ino }) => `${name} ${ino}`),
  )
  t.ok(first.length > 100 && first.length < 200)
  t.same(second, first)
  t.same(await mounted.end(), [])
})
