// Inode numbers over several filesystems.
import t from 'tap'
import type { Layer } from '../../../src/layer/layer.js'
import { InodeNumbers } from '../../../src/overlay/inode-numbers.js'
import { Node } from '../../../src/overlay/node.js'

function assigned(
  numbers: InodeNumbers,
  fsid: number,
  low: number,
  high: number,
): [number, number] {
  const node = new Node(0o100000)
  numbers.assign(node, { fsid } as Layer, low, high)
  return [node.inoLow, node.inoHigh]
}

void t.test('layers of one filesystem keep their numbers', async t => {
  const numbers = new InodeNumbers(1, false)
  t.same(assigned(numbers, 0, 12, 0), [12, 0])
  t.same(assigned(numbers, 0, 0xffff_ffff, 0xffff_ffff), [0xffff_ffff, 0xffff_ffff])
})

void t.test('with several, the filesystem is in the high bits', async t => {
  const numbers = new InodeNumbers(3, false)
  const seen = new Set([0, 1, 2].map(fsid => assigned(numbers, fsid, 12, 0).join(':')))
  t.equal(seen.size, 3)
  t.same(assigned(numbers, 0, 12, 5), [12, 5], 'the upper keeps its own')
  t.ok(assigned(numbers, 2, 12, 0)[1] >>> 28 !== 0)
})

void t.test('numbers that use the high bits themselves stay apart', async t => {
  const numbers = new InodeNumbers(2, false)
  const seen = new Set<string>()
  for (let high = 0; high < 64; high++)
    seen.add(assigned(numbers, 1, 7, (high << 26) >>> 0).join(':'))
  t.equal(seen.size, 64)
  for (const text of seen) if (!/^\d+:\d+$/.test(text)) t.fail(`not a number: ${text}`)
})

void t.test('ino32 leaves 32 bits', async t => {
  t.equal(assigned(new InodeNumbers(2, true), 1, 12, 9)[1], 0)
})
