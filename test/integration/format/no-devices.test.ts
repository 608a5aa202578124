// Where 0/0 devices cannot be made, whiteouts are written in the format's other form: marked empty
// files in the kernel's formats, which kernel overlayfs reads in lower layers, and `.wh.NAME` files
// in fuse-overlayfs's. A plain directory with the same changes says what is right.
import type { Test } from 'tap'
import { execFileSync } from 'node:child_process'
import * as path from 'node:path'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { baseTree, makeChanges, renamesDirectory } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import {
  mountFuseOverlayfs,
  mountOverlay,
  mountPlyfs,
  type Layers,
  type Mounted,
  type MountOptions,
} from '../../helpers/mounted.js'
import { refusing } from '../../helpers/refuse-calls.js'
import { makeStack } from '../../helpers/stack.js'
import { describeTree, dir, file, makeTree } from '../../helpers/tree.js'
import { makeUserNamespace } from '../../helpers/user-namespace.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const filter = refusing(scratch(), 'devices')

const disk = (await sharedFilesystem('ext4')).root

/**
 * Devices, and copies of them, cannot be made either. The links of a copied-up inode are kept
 * together by the index, which does not come along when the upper becomes a lower.
 */
function needsMore(name: string): boolean {
  return (
    name === 'house-chown-special' || name === 'house-mknod' || name.startsWith('twins-')
  )
}

function makesNone(layers: Layers, how: MountOptions = {}): Promise<Mounted> {
  return mountPlyfs(layers, { ...how, through: filter })
}

function view(base: string): string[] {
  const ours = /^(trusted|user)\.(overlay|fuseoverlayfs)\./
  return describeTree(base, { ignoreXattr: name => ours.test(name) }).slice(1)
}

function rightView(omit: (name: string) => boolean): string[] {
  const plain = freshDirectory(disk, 'plain')
  makeTree(plain, baseTree())
  makeChanges(plain, omit)
  removeMore(plain)
  return view(plain)
}

/** Takes away more of what the changes left, and uses some of the names again. */
function removeMore(base: string): void {
  calls.names(base).forEach((name, i) => {
    if (i % 3 === 0) calls.removeTree(`${base}/${name}`)
    if (i % 6 === 0) calls.mkdir(`${base}/${name}`)
    if (i % 6 === 3) calls.writeFile(`${base}/${name}`, 'a file in its place')
  })
}

function objects(base: string, type: number): string[] {
  const found: string[] = []
  const walk = (place: string): void => {
    const stat = calls.lstat(place)
    if ((stat.mode & C.S_IFMT) === type) found.push(place)
    if ((stat.mode & C.S_IFMT) === C.S_IFDIR)
      for (const name of calls.names(place)) walk(`${place}/${name}`)
  }
  walk(base)
  return found
}

function isEmptyDevice(place: string): boolean {
  const { rdev } = calls.lstat(place)
  return rdev === '0:0'
}

async function changed(
  t: Test,
  how: MountOptions,
  omit: (name: string) => boolean,
): Promise<Required<Layers>> {
  const right = rightView(omit)
  const layers = await makeStack({ lowers: [baseTree()] })
  const first = await makesNone(layers, how)
  makeChanges(first.point, omit)
  removeMore(first.point)
  t.same(view(first.point), right, 'while it is written')
  t.same(await first.end(), [])
  t.same(objects(layers.upper, C.S_IFCHR).filter(isEmptyDevice), [], 'without a device')
  for (const mount of [makesNone, mountPlyfs]) {
    const again = await mount(layers, how)
    t.same(view(again.point), right, 'after a remount')
    t.same(await again.end(), [])
    const below = await mount({ lower: [layers.upper, ...layers.lower] }, how)
    t.same(view(below.point), right, 'and as a lower')
    t.same(await below.end(), [])
  }
  return layers
}

t.test("marked files in the kernel's format", async t => {
  const layers = await changed(t, {}, needsMore)
  t.ok(
    objects(layers.upper, C.S_IFREG).some(place =>
      calls.listxattr(place).includes('trusted.overlay.whiteout'),
    ),
  )
  const below = await mountOverlay(
    { lower: [layers.upper, ...layers.lower] },
    { options: ['redirect_dir=on'] },
  )
  t.same(view(below.point), rightView(needsMore), 'kernel overlayfs reads them below')
  t.same(await below.end(), [])
})

t.test("with userxattr, by the root of a user's namespace", async t => {
  const inside = await makeUserNamespace()
  const id = 100_000
  const layers = await makeStack({
    lowers: [
      {
        f: file('f', { uid: id, gid: id }),
        d: dir({ x: file('x', { uid: id, gid: id }) }, { uid: id, gid: id }),
      },
    ],
  })
  for (const place of [layers.upper, layers.work]) calls.chown(place, id, id)
  const how: MountOptions = { options: ['userxattr'], inside }
  // The test looks in from outside of the mount's namespace.
  const seen = (mounted: Mounted): string =>
    execFileSync(inside.enter[0] ?? '', [
      ...inside.enter.slice(1),
      ...['sh', '-c', 'cd "$0" && find . | sort', mounted.point],
    ]).toString()
  const act = (mounted: Mounted, script: string): unknown =>
    execFileSync(inside.enter[0] ?? '', [
      ...inside.enter.slice(1),
      ...['sh', '-ec', `cd "$0" && ${script}`, mounted.point],
    ])
  const first = await mountPlyfs(layers, {
    ...how,
    inside: { ...inside, enter: [...inside.enter, ...filter] },
  })
  act(first, 'rm f && rm -r d && mkdir d && touch d/new && mkdir made && mv made d/made')
  t.equal(seen(first), '.\n./d\n./d/made\n./d/new\n')
  t.same(await first.end(), [])
  t.ok(calls.listxattr(`${layers.upper}/f`).includes('user.overlay.whiteout'))
  t.equal(calls.getxattr(layers.upper, 'user.overlay.opaque').toString(), 'x')
  t.equal(calls.lstat(`${layers.upper}/f`).size, 0)
  const again = await mountPlyfs(layers, how)
  t.equal(seen(again), '.\n./d\n./d/made\n./d/new\n')
  act(again, 'echo back > f && rm -r d')
  t.equal(seen(again), '.\n./f\n')
  t.same(await again.end(), [])
  t.notOk(calls.listxattr(`${layers.upper}/f`).includes('user.overlay.whiteout'))
})

t.test("files beside the names in fuse-overlayfs's format", async t => {
  const omit = (name: string): boolean =>
    needsMore(name) ||
    renamesDirectory(name) ||
    /^house-(trusted|times|unlink-all)$/.test(name)
  const layers = await changed(t, { argv0: 'fuse-overlayfs' }, omit)
  t.ok(
    objects(layers.upper, C.S_IFREG).some(place =>
      path.basename(place).startsWith('.wh.'),
    ),
  )
  for (const lower of [{ lower: [layers.upper, ...layers.lower] }, layers]) {
    const theirs = await mountFuseOverlayfs(lower)
    t.same(view(theirs.point), rightView(omit), 'fuse-overlayfs reads them')
    t.same(await theirs.end(), [])
  }
})
