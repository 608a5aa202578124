// Layers in the form of AUFS: `.wh.NAME` hides a name, `.wh..wh..opq` hides what is below.
import * as calls from '../../helpers/calls.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'
import { describeTree, dir, file, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root

function layers(): string[] {
  const [top = '', bottom = ''] = ['top', 'bottom'].map(name =>
    freshDirectory(disk, name),
  )
  makeTree(bottom, {
    hidden: file('below'),
    shown: file('below'),
    d: dir({ old: file('old'), kept: file('kept') }),
    tree: dir({ x: file('x') }),
    merged: dir({ one: file('1'), two: file('2') }),
  })
  makeTree(top, {
    '.wh.hidden': file(''),
    '.wh.tree': file(''),
    d: dir({ '.wh..wh..opq': file(''), new: file('new') }),
    merged: dir({ '.wh.one': file(''), three: file('3') }),
  })
  return [top, bottom]
}

t.test('are read when plyfs is called as fuse-overlayfs', async t => {
  const mounted = await mountPlyfs({ lower: layers() }, { argv0: 'fuse-overlayfs' })
  t.same(describeTree(mounted.point).slice(1), [
    './d d0755 0:0',
    './d/new -0644 0:0 3 "new"',
    './merged d0755 0:0',
    './merged/three -0644 0:0 1 "3"',
    './merged/two -0644 0:0 1 "2"',
    './shown -0644 0:0 5 "below"',
  ])
  t.same(await mounted.end(), [])
})

t.test("are ordinary names in the kernel's format", async t => {
  const mounted = await mountPlyfs({ lower: layers() })
  t.same(calls.names(mounted.point), [
    '.wh.hidden',
    '.wh.tree',
    'd',
    'hidden',
    'merged',
    'shown',
    'tree',
  ])
  t.same(calls.names(`${mounted.point}/d`), ['.wh..wh..opq', 'kept', 'new', 'old'])
  t.same(await mounted.end(), [])
})

t.test('names that hide others cannot be made where they do', async t => {
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs(
    { lower: layers(), upper, work },
    { argv0: 'fuse-overlayfs' },
  )
  const { point } = mounted
  for (const name of ['.wh.shown', '.wh..wh..opq']) {
    t.throws(() => calls.writeFile(`${point}/${name}`, ''))
    t.throws(() => calls.mkdir(`${point}/${name}`))
    t.throws(() => calls.symlink('x', `${point}/${name}`))
    t.throws(() => calls.rename(`${point}/shown`, `${point}/${name}`))
    t.throws(() => calls.link(`${point}/shown`, `${point}/${name}`))
  }
  t.equal(calls.readText(`${point}/shown`), 'below', 'nothing was hidden by it')
  t.same(await mounted.end(), [])
  t.same(calls.names(upper), [], 'nothing was left in the upper')
})
