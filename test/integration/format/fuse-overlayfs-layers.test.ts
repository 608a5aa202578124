// Layers that fuse-overlayfs wrote, in each of its forms, are read as it reads them; and the other
// way round: what plyfs writes when it is called as fuse-overlayfs, fuse-overlayfs reads.
import type { Test } from 'tap'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as calls from '../../helpers/calls.js'
import { baseTree, makeChanges, renamesDirectory } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import {
  mountFuseOverlayfs,
  mountPlyfs,
  type Layers,
  type Mounted,
  type MountOptions,
} from '../../helpers/mounted.js'
import { makeStack } from '../../helpers/stack.js'
import { must } from '../../helpers/run.js'
import { describeTree, dir, file, makeTree, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** Looks at a tree as another user: root may not look into a user's mount. */
const describer = fileURLToPath(
  new URL('../../fixtures/describe-tree.js', import.meta.url),
)
const disk = (await sharedFilesystem('ext4')).root

/**
 * fuse-overlayfs renames no directories of lowers, keeps no links together, has no `trusted.`, and
 * answers EIO and ENXIO where special files are changed or removed.
 */
function beyondIt(name: string): boolean {
  const more = ['trusted', 'chown-special', 'times', 'unlink-all']
  return (
    renamesDirectory(name) ||
    name.startsWith('twins-') ||
    more.some(change => name === `house-${change}`)
  )
}

function ours(layers: Layers, how: MountOptions = {}): Promise<Mounted> {
  return mountPlyfs(layers, { argv0: 'fuse-overlayfs', ...how })
}

/** What is below the top, without attributes that only say how it is stored. */
function view(base: string): string[] {
  return describeTree(base, {
    ignoreXattr: name => /^user\.(fuseoverlayfs|overlay|containers)\./.test(name),
  }).slice(1)
}

/** The base tree with the changes, on a plain directory. */
function expected(omit: (name: string) => boolean = beyondIt): string[] {
  const plain = freshDirectory(disk, 'plain')
  makeTree(plain, baseTree())
  makeChanges(plain, omit)
  return view(plain)
}

/** Changed by one program, shown by both, as upper and as lower. */
async function exchanged(t: Test, how: MountOptions = {}): Promise<void> {
  const right = expected()
  for (const writer of [mountFuseOverlayfs, ours]) {
    const layers = await makeStack({ lowers: [baseTree()] })
    const mounted = await writer(layers, how)
    makeChanges(mounted.point, beyondIt)
    t.same(
      view(mounted.point),
      right,
      `${mounted.kind} shows what is right when it writes`,
    )
    t.same(await mounted.end(), [])
    for (const reader of [mountFuseOverlayfs, ours]) {
      const again = await reader(layers, how)
      t.same(view(again.point), right, `${again.kind} shows what ${mounted.kind} wrote`)
      t.same(await again.end(), [])
      const below = await reader({ lower: [layers.upper, ...layers.lower] }, how)
      t.same(view(below.point), right, `${below.kind} shows it as a lower`)
      t.same(await below.end(), [])
    }
  }
}

t.test('whiteouts as devices', t => exchanged(t))

t.test('whiteouts as files', t =>
  exchanged(t, { env: { FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT: '1' } }),
)

t.test('by an ordinary user', async t => {
  const user = { uid: 5, gid: 60 }
  const tree: Tree = {
    a: file('a'),
    b: file('b'),
    d: dir({ x: file('x'), e: dir({ y: file('y') }) }),
    again: dir({ old: file('old') }),
  }
  const change = `cd "$0" && rm a && echo changed >b && chmod 700 d && rm -r d/e && rm -r again &&
    mkdir again && echo new >again/new && echo made >d/made`
  const give = (directory: string): Promise<string> =>
    must('chown', ['-R', `${user.uid}:${user.gid}`, directory])
  const seenBy = async (base: string): Promise<string[]> => {
    const lines = await must(process.execPath, [describer, base], user)
    return lines.split('\n').slice(1)
  }
  const plain = freshDirectory(disk, 'plain')
  makeTree(plain, tree)
  await give(plain)
  await must('sh', ['-c', change, plain], user)
  const right = await seenBy(plain)
  for (const writer of [mountFuseOverlayfs, ours]) {
    const layers = await makeStack({ lowers: [tree] })
    for (const layer of [...layers.lower, layers.upper, layers.work]) await give(layer)
    const mounted = await writer(layers, { user })
    await must('sh', ['-c', change, mounted.point], user)
    t.same(await seenBy(mounted.point), right, `${mounted.kind} when it writes`)
    t.same(await mounted.end(), [])
    for (const reader of [mountFuseOverlayfs, ours]) {
      const again = await reader(layers, { user })
      t.same(
        await seenBy(again.point),
        right,
        `${again.kind} shows what ${mounted.kind} wrote`,
      )
      t.same(await again.end(), [])
    }
  }
})

t.test('owners and modes kept as attributes', async t => {
  const forms: readonly (readonly [
    string,
    (uid: number, mode: string, type: string) => string,
  ])[] = [
    ['user.fuseoverlayfs.override_stat', (uid, mode) => `${uid}:${uid + 1}:${mode}`],
    [
      'user.containers.override_stat',
      (uid, mode, type) => `${uid}:${uid + 1}:${mode}:${type}`,
    ],
  ]
  for (const [attribute, value] of forms) {
    const lower = freshDirectory(disk, 'override')
    makeTree(lower, {
      f: file('f', { xattrs: { [attribute]: value(77, '0640', 'file') } }),
      d: dir({ in: file('i') }, { xattrs: { [attribute]: value(88, '0711', 'dir') } }),
      plain: file('p'),
    })
    calls.setxattr(lower, attribute, value(0, '0755', 'dir'))
    const mounted = await ours({ lower: [lower] }, { options: ['xattr_permissions=2'] })
    const {
      f = '',
      d = '',
      plain = '',
    } = Object.fromEntries(
      ['f', 'd', 'plain'].map(name => {
        const stat = calls.lstat(path.join(mounted.point, name))
        return [name, `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`]
      }),
    )
    t.equal(f, '640 77:78', attribute)
    t.equal(d, '711 88:89', attribute)
    t.equal(plain, '644 0:0', attribute)
    t.same(
      calls.listxattr(`${mounted.point}/f`).filter(name => name.includes('override')),
      [],
      'the attribute itself does not show',
    )
    t.same(await mounted.end(), [])
  }
})

t.test('changes of owners and modes are kept as attributes', async t => {
  const layers = await makeStack({ lowers: [{ f: file('f'), d: dir() }] })
  const how: MountOptions = { options: ['xattr_permissions=2'] }
  const mounted = await ours(layers, how)
  calls.chown(`${mounted.point}/f`, 11, 12)
  calls.chmod(`${mounted.point}/f`, 0o600)
  calls.writeFile(`${mounted.point}/new`, 'n')
  calls.chown(`${mounted.point}/new`, 21, 22)
  calls.mknod(`${mounted.point}/pipe`, calls.C.S_IFIFO | 0o620)
  const shown = (base: string): string[] =>
    ['f', 'new', 'pipe'].map(name => {
      const stat = calls.lstat(path.join(base, name))
      return `${name} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`
    })
  const right = ['f 100600 11:12', 'new 100644 21:22', 'pipe 10600 0:0']
  t.same(shown(mounted.point), right)
  t.same(await mounted.end(), [])
  t.equal(fs.lstatSync(path.join(layers.upper, 'f')).uid, 0, 'on disk it is still root')
  const again = await ours(layers, how)
  t.same(shown(again.point), right, 'after a remount')
  t.same(await again.end(), [])
})
