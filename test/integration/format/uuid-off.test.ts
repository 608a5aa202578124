// uuid=off: handles without the filesystem's UUID, written and read by kernel overlayfs and by
// plyfs in turn, keep inode numbers and hard links together.
import * as calls from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { file, hardlink } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const options = ['uuid=off', 'index=on']
const kernel = (layers: WritableLayers): Promise<Mounted> =>
  mountOverlay(layers, { options })
const plyfs = (layers: WritableLayers): Promise<Mounted> =>
  mountPlyfs(layers, { options })

t.test('what one copied up the other finds', async t => {
  for (const [writer, reader] of [
    [kernel, plyfs],
    [plyfs, kernel],
    [plyfs, plyfs],
  ] as const) {
    const layers = await makeStack({
      lowers: [{ f: file('f'), one: file('data'), two: hardlink('one') }],
    })
    const first = await writer(layers)
    calls.chmod(`${first.point}/f`, 0o600)
    calls.writeFile(`${first.point}/one`, 'written')
    t.same(await first.end(), [])
    const origin = calls.getxattr(`${layers.upper}/f`, 'trusted.overlay.origin')
    t.equal(origin.subarray(5, 21).toString('hex'), '0'.repeat(32), first.kind)
    const second = await reader(layers)
    const told = `${second.kind} after ${first.kind}`
    const ino = calls.lstat(`${layers.lower[0] ?? ''}/f`).ino
    t.equal(calls.lstat(`${second.point}/f`).ino, ino, told)
    t.equal(calls.readText(`${second.point}/two`), 'written', told)
    t.equal(calls.lstat(`${second.point}/two`).nlink, 2)
    t.same(await second.end(), [])
  }
})

t.test('layers on several filesystems keep theirs', async t => {
  const layers = await makeStack({ lowers: [{ f: file('f') }], lowerKind: 'xfs' })
  const mounted = await plyfs(layers)
  t.match(mounted.log(), /uuid=off needs all layers on one filesystem/)
  calls.chmod(`${mounted.point}/f`, 0o600)
  t.same(await mounted.end(), [])
  const origin = calls.getxattr(`${layers.upper}/f`, 'trusted.overlay.origin')
  t.not(origin.subarray(5, 21).toString('hex'), '0'.repeat(32))
})
