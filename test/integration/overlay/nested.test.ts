// Overlays within overlays: whiteouts and other marks as data of a layer, overlays whose layers
// lie on a plyfs mount, and plyfs over layers on an overlay.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { baseTree, makeChanges } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack } from '../../helpers/stack.js'
import { describeTree, dir, file, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

function codeOf(action: () => unknown): string {
  try {
    action()
    return 'done'
  } catch (error) {
    return error instanceof calls.CallError ? error.code : String(error)
  }
}

/** The changes on a plain directory. */
async function expected(): Promise<string[]> {
  const plain = freshDirectory((await sharedFilesystem('ext4')).root, 'plain')
  makeTree(plain, baseTree())
  makeChanges(plain)
  return describeTree(plain).slice(1)
}

t.test('marks of the format are data, one level up', async t => {
  const layers = await makeStack({
    lowers: [{ d: dir({ below: file('b') }), f: file('') }],
  })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  for (const [path, name, value] of [
    ['d', 'trusted.overlay.opaque', 'y'],
    ['f', 'trusted.overlay.whiteout', 'y'],
    ['d', 'trusted.overlay.redirect', '/nowhere'],
    ['f', 'trusted.overlay.metacopy', ''],
    ['f', 'trusted.overlay.overlay.opaque', 'y'],
  ] as const) {
    t.equal(
      codeOf(() => calls.setxattr(`${point}/${path}`, name, value)),
      'done',
      name,
    )
    t.equal(calls.getxattr(`${point}/${path}`, name).toString(), value, 'as it was set')
    t.ok(calls.listxattr(`${point}/${path}`).includes(name), 'in the list')
    const stored = name.replace('trusted.overlay.', 'trusted.overlay.overlay.')
    t.equal(
      calls.getxattr(`${layers.upper}/${path}`, stored).toString(),
      value,
      'stored escaped',
    )
  }
  t.same(calls.names(`${point}/d`), ['below'], 'it hides nothing here')
  t.same(calls.names(point), ['d', 'f'])
  t.same(await mounted.end(), [])
  const again = await mountPlyfs(layers)
  t.same(calls.names(`${again.point}/d`), ['below'], 'nor after a remount')
  t.equal(calls.getxattr(`${again.point}/d`, 'trusted.overlay.opaque').toString(), 'y')
  calls.removexattr(`${again.point}/d`, 'trusted.overlay.opaque')
  t.equal(
    codeOf(() => calls.getxattr(`${again.point}/d`, 'trusted.overlay.opaque')),
    'ENODATA',
  )
  t.same(await again.end(), [])
})

t.test('a whiteout device cannot be made, nor renamed with one left behind', async t => {
  const layers = await makeStack({ lowers: [{ f: file('f') }] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  t.equal(
    codeOf(() => calls.mknod(`${point}/w`, C.S_IFCHR, 0, 0)),
    'EPERM',
  )
  t.equal(
    codeOf(() => calls.rename(`${point}/f`, `${point}/g`, C.RENAME_WHITEOUT)),
    'EINVAL',
  )
  t.equal(
    codeOf(() => calls.mknod(`${point}/b`, C.S_IFBLK, 0, 0)),
    'done',
    'a block device is none',
  )
  t.same(calls.names(point), ['b', 'f'])
  t.same(await mounted.end(), [])
})

for (const [outer, mount] of [
  ['plyfs', mountPlyfs],
  ['kernel overlayfs', mountOverlay],
] as const) {
  t.test(`${outer} with all its layers on plyfs`, async t => {
    const right = await expected()
    const host = await makeStack({ lowers: [{ lower: dir(baseTree()) }] })
    const options = { options: ['max_stack_depth=1'] }
    const inner = await mountPlyfs(host, options)
    calls.mkdir(`${inner.point}/upper`)
    calls.mkdir(`${inner.point}/work`)
    const layers = {
      lower: [`${inner.point}/lower`],
      upper: `${inner.point}/upper`,
      work: `${inner.point}/work`,
    }
    const kernelOptions = { options: ['redirect_dir=on', 'index=off', 'metacopy=off'] }
    const how = outer === 'plyfs' ? {} : kernelOptions
    const first = await mount(layers, how)
    makeChanges(first.point, name => name.startsWith('twins-'))
    const omitted = (lines: string[]): string[] =>
      lines.filter(line => !line.startsWith('./twins-'))
    t.same(omitted(describeTree(first.point).slice(1)), omitted(right), 'what is right')
    t.same(await first.end(), [])
    t.same(await inner.end(), [])

    // The layers are whole on disk, too: the inner mount and then the outer once more.
    const innerAgain = await mountPlyfs(host, options)
    const again = await mount(
      {
        lower: [`${innerAgain.point}/lower`],
        upper: `${innerAgain.point}/upper`,
        work: `${innerAgain.point}/work`,
      },
      how,
    )
    t.same(
      omitted(describeTree(again.point).slice(1)),
      omitted(right),
      'after both are remounted',
    )
    t.same(await again.end(), [])
    t.same(await innerAgain.end(), [])
  })
}

t.test('plyfs with lowers on kernel overlayfs and on plyfs', async t => {
  const one = await makeStack({ lowers: [{ d: dir({ a: file('a') }), f: file('one') }] })
  const two = await makeStack({ lowers: [{ d: dir({ b: file('b') }), g: file('two') }] })
  const kernel: Mounted = await mountOverlay(one)
  calls.writeFile(`${kernel.point}/d/c`, 'c')
  const plyfs = await mountPlyfs(two)
  calls.writeFile(`${plyfs.point}/d/e`, 'e')
  const stack = await makeStack({ lowers: [] })
  const top = await mountPlyfs({ ...stack, lower: [kernel.point, plyfs.point] })
  t.same(calls.names(`${top.point}/d`), ['a', 'b', 'c', 'e'])
  for (const [name, text] of [
    ['d/a', 'a'],
    ['d/e', 'e'],
    ['f', 'one'],
    ['g', 'two'],
  ] as const) {
    t.equal(calls.readText(`${top.point}/${name}`), text, name)
    calls.writeFile(`${top.point}/${name}`, `changed ${text}`)
    t.equal(calls.readText(`${top.point}/${name}`), `changed ${text}`, name)
  }
  t.equal(calls.readText(`${kernel.point}/f`), 'one', 'the lower overlay is unchanged')
  t.equal(calls.readText(`${plyfs.point}/g`), 'two', 'the lower plyfs is unchanged')
  t.same(await top.end(), [])
  t.same(await plyfs.end(), [])
  t.same(await kernel.end(), [])
})
