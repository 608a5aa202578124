// An inventory that is kept in memory is that of the file as it is now.
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import { knownInventory } from '../../../src/image/inventory/known-inventories.js'
import { recordInventory } from '../../../src/image/inventory/record-inventory.js'
import { temporary } from '../../helpers/store.js'

/** The names in the root, by an inventory's first block. */
function namesIn(file: string): string[] | string {
  const inventory = knownInventory(file)
  if (typeof inventory === 'string') return inventory
  inventory.nextBlock()
  return inventory.names()
}

t.test('a file that changes in any way is read again', async t => {
  const folder = temporary(t)
  const layer = path.join(folder, 'layer')
  const file = path.join(folder, 'inventory')
  const record = (name: string): Buffer => {
    fs.rmSync(layer, { recursive: true, force: true })
    fs.mkdirSync(layer)
    fs.writeFileSync(`${layer}/${name}`, '')
    return recordInventory(layer, null)
  }
  t.equal(namesIn(file), 'absent')
  const first = record('a')
  fs.writeFileSync(file, first)
  t.same(namesIn(file), ['a'])
  t.same(namesIn(file), ['a'], 'from the beginning each time')

  fs.writeFileSync(`${file}.new`, record('b'))
  fs.renameSync(`${file}.new`, file)
  t.same(namesIn(file), ['b'], 'replaced by one as long')

  const { atime, mtime } = fs.statSync(file)
  fs.writeFileSync(file, record('c'))
  fs.utimesSync(file, atime, mtime)
  t.same(namesIn(file), ['c'], 'written over, and the time set back')

  const damaged = Buffer.from(first)
  damaged[20] = (damaged[20] ?? 0) ^ 1
  fs.writeFileSync(file, damaged)
  t.equal(namesIn(file), 'damaged')
  fs.rmSync(file)
  t.equal(namesIn(file), 'absent')
})
