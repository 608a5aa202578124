// The layout of a store, read backwards.
import t from 'tap'
import { digestOf, hexOf } from '../../../../src/image/model/digest.js'
import { StorePlace, thingAt } from '../../../../src/image/store/store-place.js'

const place = new StorePlace('/var/lib/plyfs')
const chainId = digestOf('a layer')
const { root } = place

t.test('what a path is of', async t => {
  const layer = { root, isBelow: false, kind: 'layer', chainId }
  t.same(thingAt(place.layerTree(chainId)), layer)
  t.same(thingAt(`${place.layerTree(chainId)}/etc/hosts`), { ...layer, isBelow: true })
  for (const kind of ['vfs', 'btrfs'])
    t.same(thingAt(`${place.flatTree(kind, chainId)}/tree`), { ...layer, kind: 'flat' })
  t.same(thingAt(`${place.flatTree('block', chainId)}/disk`), { ...layer, kind: 'flat' })
  for (const part of ['upper', 'tree', 'disk'])
    t.same(thingAt(`${place.writable}/name/${part}`), {
      ...{ root, isBelow: false },
      ...{ kind: 'writable', name: 'name' },
    })
})

t.test('and what it is not', async t => {
  for (const path of [
    ...['/', '/etc', `${place.layers}/${hexOf(chainId)}`, `${place.layers}/x/diff`],
    ...[`${place.writable}/name`, `${place.writable}/name/work`],
    `${place.layerTree(chainId)}erent`,
  ])
    t.equal(thingAt(path), null, path)
})
