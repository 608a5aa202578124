// The same changes made through kernel overlayfs and through plyfs leave the same upper on disk,
// down to every attribute, and both show what a plain directory shows.
import { baseTree, makeChanges } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Layers } from '../../helpers/mounted.js'
import { anotherUpper, makeStack } from '../../helpers/stack.js'
import { describeTree, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const plain = freshDirectory((await sharedFilesystem('ext4')).root, 'plain')
makeTree(plain, baseTree())
makeChanges(plain)
const expected = describeTree(plain)

/** The mount's tree with what the changes made of it, in the form of the plain directory's. */
function seen(point: string): string[] {
  return describeTree(point).map((line, i) => (i === 0 ? (expected[0] ?? '') : line))
}

/** An upper's lines without what can never be equal: handles name inodes of one upper. */
function written(layers: Required<Layers>): string[] {
  return describeTree(layers.upper, {
    ignoreXattr: name => /overlay\.(uuid|upper)$/.test(name),
  })
}

/** The index: its entries are named by handles of lower files, which both share. */
function index(layers: Required<Layers>): string[] {
  const lines = describeTree(`${layers.work}/index`, {
    ignoreXattr: name => name.endsWith('overlay.upper'),
  })
  // The whiteout that is linked for each use: the kernel keeps it here, plyfs in work/.
  return lines.filter(line => !/^\.\/#[0-9a-f]+ c0000 0:0 0:0$/.test(line))
}

for (const kind of ['ext4', 'xfs'] as const) {
  t.test(`on ${kind}`, async t => {
    const ours = await makeStack({ lowers: [baseTree()], kind })
    const theirs = await anotherUpper(ours, kind)
    const overlay = await mountOverlay(theirs)
    makeChanges(overlay.point)
    t.same(seen(overlay.point), expected, 'the kernel shows what is right')
    t.same(await overlay.end(), [])

    const plyfs = await mountPlyfs(ours)
    makeChanges(plyfs.point)
    t.same(seen(plyfs.point), expected, 'plyfs shows what is right')
    t.same(await plyfs.end(), [])
    t.same(written(ours), written(theirs), 'the uppers are the same')
    t.same(index(ours), index(theirs), 'the indexes hold the same')
  })
}
