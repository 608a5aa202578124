// Hard links of lowers with userxattr and index=on: regular files stay together; symlinks and
// special files, which can have no `user.` attribute to keep the count in, are refused with the
// kernel's EPERM, and nothing is left half made. Both are asked to do the same.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import {
  character,
  describeTree,
  dir,
  fifo,
  file,
  hardlink,
  symlink,
  type Tree,
} from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const tree: Tree = {
  d: dir(),
  f: file('data'),
  f2: hardlink('f'),
  s: symlink('f'),
  s2: hardlink('s'),
  p: fifo(),
  p2: hardlink('p'),
  c: character(1, 3),
  c2: hardlink('c'),
  single: symlink('f'),
  pipe: fifo(),
  zero: character(1, 5),
}

const acts: readonly (readonly [string, (at: string) => unknown])[] = [
  ['write f', at => calls.writeFile(`${at}/f`, 'written')],
  ['chown s', at => calls.lchown(`${at}/s`, 5, 6)],
  ['chmod p', at => calls.chmod(`${at}/p`, 0o600)],
  ['chmod c', at => calls.chmod(`${at}/c`, 0o600)],
  ['rename s2', at => calls.rename(`${at}/s2`, `${at}/d/s2`)],
  ['unlink p2', at => calls.unlink(`${at}/p2`)],
  ['link c2', at => calls.link(`${at}/c2`, `${at}/c3`)],
  ['replace c', at => calls.rename(`${at}/zero`, `${at}/c`)],
  ['chown single', at => calls.lchown(`${at}/single`, 7, 8)],
  ['rename single', at => calls.rename(`${at}/single`, `${at}/d/single`)],
  ['link single', at => calls.link(`${at}/d/single`, `${at}/single2`)],
  ['chmod pipe', at => calls.chmod(`${at}/pipe`, 0o600)],
  ['unlink pipe', at => calls.unlink(`${at}/pipe`)],
  ['new links', at => calls.symlink('x', `${at}/new`)],
  ['new link', at => calls.link(`${at}/new`, `${at}/new2`)],
  ['rename f2', at => calls.rename(`${at}/f2`, `${at}/d/f2`)],
  ['append f', at => calls.withOpen(`${at}/f`, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, Buffer.from('!')))], // prettier-ignore
  ['unlink f', at => calls.unlink(`${at}/f`)],
]

const options = ['userxattr', 'index=on', 'redirect_dir=nofollow']

function outcomes(point: string): string[] {
  return acts.map(([name, run]) => {
    try {
      run(point)
      return name
    } catch (error) {
      if (error instanceof Error && 'code' in error)
        return `${name} ${String(error.code)}`
      throw error
    }
  })
}

/** What is there, with link counts of what is no directory. */
function view(base: string): string[] {
  const links = ['f', 'd/f2', 's', 's2', 'p', 'c', 'd/single', 'new'].map(name => {
    const stat = calls.exists(`${base}/${name}`) ? calls.lstat(`${base}/${name}`) : null
    return `${name} ${stat?.nlink ?? 'gone'}`
  })
  return [...describeTree(base), ...links]
}

const kernel = (layers: WritableLayers): Promise<Mounted> =>
  mountOverlay(layers, { options })
const plyfs = (layers: WritableLayers): Promise<Mounted> =>
  mountPlyfs(layers, { options })

t.test('the same errors as kernel overlayfs, and the same tree', async t => {
  const theirs = await makeStack({ lowers: [tree] })
  const right = await kernel(theirs)
  const expected = outcomes(right.point)
  const shown = view(right.point)
  t.same(await right.end(), [])
  t.match(expected.join(), /chown s EPERM,chmod p EPERM,chmod c EPERM/, 'it does refuse')

  const layers = await makeStack({ lowers: [tree] })
  const mounted = await plyfs(layers)
  t.same(outcomes(mounted.point), expected)
  t.same(view(mounted.point), shown)
  t.same(await mounted.end(), [])
  t.equal(
    calls.names(`${layers.work}/index`).filter(name => !name.startsWith('#')).length,
    1,
    'the index has the regular file alone',
  )
  for (const mount of [plyfs, kernel]) {
    const again = await mount(layers)
    t.same(view(again.point), shown, `${again.kind} shows it after a remount`)
    t.same(await again.end(), [])
  }

  // What the kernel leaves of its refusals keeps it from mounting again, but not us.
  await t.rejects(kernel(theirs), 'the kernel’s own index is refused')
  const again = await plyfs(theirs)
  t.same(view(again.point), shown)
  t.same(await again.end(), [])
  const after = await kernel(theirs)
  t.same(view(after.point), shown, 'and then it can')
  t.same(await after.end(), [])
})
