// Overlays within overlays: whiteouts and other marks as data of a layer, overlays whose layers
// lie on a plyfs mount, and plyfs over layers on an overlay.
import * as fs from 'node:fs'
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
  t.test(`${outer} with its lower on plyfs`, async t => {
    const right = await expected()
    const host = await makeStack({ lowers: [{ lower: dir() }] })
    makeTree(`${host.lower[0]}/lower`, baseTree())
    const inner = await mountPlyfs(host)
    // Part of the lower is in the inner mount's upper.
    calls.chmod(`${inner.point}/lower/house-write/a`, 0o600)
    calls.chmod(`${inner.point}/lower/house-write/a`, 0o640)
    const above = await makeStack({ lowers: [] })
    const layers = { ...above, lower: [`${inner.point}/lower`] }
    const how = outer === 'plyfs' ? {} : { options: ['redirect_dir=on', 'index=off'] }
    const first = await mount(layers, how)
    makeChanges(first.point, name => name.startsWith('twins-'))
    t.same(withoutTwins(describeTree(first.point)), withoutTwins(right), 'what is right')
    t.same(await first.end(), [])
    // The kernel forgets what nobody uses of the inner mount, as it does when memory is short.
    fs.writeFileSync('/proc/sys/vm/drop_caches', '2')
    const again = await mount(layers, how)
    t.same(
      withoutTwins(describeTree(again.point)),
      withoutTwins(right),
      'after a remount',
    )
    t.same(await again.end(), [])
    t.same(await inner.end(), [])
  })
}

/** FUSE gives no file handles that last, so there is no index and links part. */
function withoutTwins(lines: readonly string[]): string[] {
  return lines.filter(line => line.startsWith('./house-'))
}

t.test('plyfs with its upper on plyfs works, or is refused at once', async t => {
  const right = await expected()
  const host = await makeStack({ lowers: [{ lower: dir(), upper: dir(), work: dir() }] })
  makeTree(`${host.lower[0]}/lower`, baseTree())
  const inner = await mountPlyfs(host)
  const layers = {
    lower: [`${inner.point}/lower`],
    upper: `${inner.point}/upper`,
    work: `${inner.point}/work`,
  }
  const outer = await mountPlyfs(layers).catch((error: unknown) => String(error))
  if (typeof outer === 'string') {
    // Whiteouts are devices, which no overlay takes: the kernel's refuses such an upper, too.
    t.match(outer, /plyfs: .*upper.*\n/, 'one line that names the cause')
    t.same(calls.names(layers.upper), [], 'nothing was changed')
  } else {
    makeChanges(outer.point, name => name.startsWith('twins-'))
    t.same(withoutTwins(describeTree(outer.point)), withoutTwins(right), 'what is right')
    t.same(await outer.end(), [])
  }
  t.same(await inner.end(), [])
})

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
