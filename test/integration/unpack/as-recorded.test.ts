// The quick answer whether a layer is as it was recorded: it must never say so of one that is not, and
// should say so of one that is.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import t, { type Test } from 'tap'
import { isAsRecorded } from '../../../src/image/inventory/as-recorded.js'
import { Inventory } from '../../../src/image/inventory/inventory.js'
import { ENTRY, ENTRY_WORDS, HEADER_WORDS } from '../../../src/image/inventory/layout.js'
import { openLayerRoot } from '../../../src/image/inventory/open-layer-root.js'
import { recordInventory } from '../../../src/image/inventory/record-inventory.js'
import { recordedTreeAsync } from '../../../src/sys/inode.js'
import { temporary } from '../../helpers/store.js'

/** What a layer may have, names of any bytes too. */
function makeLayer(t: Test): string {
  const layer = path.join(temporary(t), 'layer')
  fs.mkdirSync(`${layer}/a/b/c`, { recursive: true })
  fs.mkdirSync(`${layer}/empty`)
  for (let i = 0; i < 500; i++)
    fs.writeFileSync(`${layer}/a/${'n'.repeat(i % 100)}${i}`, '')
  fs.writeFileSync(Buffer.from(`${layer}/a/b/c/\xff\n`, 'latin1'), 'odd')
  fs.writeFileSync(`${layer}/a/b/c/file`, 'contents')
  fs.linkSync(`${layer}/a/b/c/file`, `${layer}/second`)
  fs.symlinkSync('a/b', `${layer}/link`)
  return layer
}

async function ask(layer: string, inventory: Buffer): Promise<boolean> {
  const file = `${layer}.inventory`
  fs.writeFileSync(file, inventory)
  const read = Inventory.read(file, false)
  if (typeof read === 'string') throw new Error(read)
  const root = openLayerRoot(layer)
  try {
    return await isAsRecorded(root, read)
  } finally {
    root.close()
  }
}

t.test('a layer that nobody touched', async t => {
  const layer = makeLayer(t)
  t.equal(await ask(layer, recordInventory(layer, null)), true)
  fs.readFileSync(`${layer}/a/b/c/file`)
  fs.readdirSync(`${layer}/a`)
  t.equal(await ask(layer, recordInventory(layer, null)), true, 'one that was read')
})

const changes: Readonly<Record<string, (layer: string) => void>> = {
  'a name is added': layer => fs.writeFileSync(`${layer}/empty/more`, ''),
  'a name is added to the root': layer => fs.writeFileSync(`${layer}/more`, ''),
  'a name is added, and the time of its directory set back': layer => {
    const { atime, mtime } = fs.statSync(`${layer}/a/b`)
    fs.writeFileSync(`${layer}/a/b/more`, '')
    fs.utimesSync(`${layer}/a/b`, atime, mtime)
  },
  'a name is gone': layer => fs.rmSync(`${layer}/a/nnnnnnn7`),
  'a directory is gone': layer => fs.rmdirSync(`${layer}/empty`),
  'a file is renamed': layer => {
    fs.renameSync(`${layer}/a/b/c/file`, `${layer}/a/b/c/filf`)
  },
  'contents, and the time set back': layer => {
    const { atime, mtime } = fs.statSync(`${layer}/second`)
    fs.writeFileSync(`${layer}/a/b/c/file`, 'CONTENTS')
    fs.utimesSync(`${layer}/second`, atime, mtime)
  },
  'a mode': layer => fs.chmodSync(`${layer}/a/b/c`, 0o711),
  'the mode of the root': layer => fs.chmodSync(layer, 0o700),
  'an owner': layer => fs.lchownSync(`${layer}/link`, 1, 0),
  'a link in place of a directory': layer => {
    fs.renameSync(`${layer}/a/b`, `${layer}/a/other`)
    fs.symlinkSync('other', `${layer}/a/b`)
  },
  'a file that was replaced by a copy': layer => {
    fs.copyFileSync(`${layer}/second`, `${layer}/third`)
    fs.renameSync(`${layer}/third`, `${layer}/second`)
  },
}

for (const [what, change] of Object.entries(changes))
  t.test(`not: ${what}`, async t => {
    const layer = makeLayer(t)
    const inventory = recordInventory(layer, null)
    change(layer)
    t.equal(await ask(layer, inventory), false)
  })

t.test('one too deep to be opened by a path is left to others', async t => {
  const layer = path.join(temporary(t), 'layer')
  fs.mkdirSync(layer)
  const back = process.cwd()
  process.chdir(layer)
  for (let i = 0; i < 25; i++) {
    fs.mkdirSync('d'.repeat(200))
    process.chdir('d'.repeat(200))
  }
  process.chdir(back)
  t.equal(await ask(layer, recordInventory(layer, null)), false)
  // Node's own has no way that is short enough.
  execFileSync('rm', ['-rf', layer])
})

t.test('what is no record is never agreed to, and never read behind', async t => {
  const layer = makeLayer(t)
  const bytes = recordInventory(layer, null)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
  const record = words.slice(0, HEADER_WORDS + (words[2] ?? 0))
  const root = openLayerRoot(layer)
  t.teardown(() => root.close())
  t.equal(await recordedTreeAsync(root.rootFd, record, 0, 1), true)
  for (let length = 0; length < record.length; length += 1 + (length >>> 3))
    t.equal(
      await recordedTreeAsync(root.rootFd, record.slice(0, length), 0, 1),
      false,
      `cut off at ${length}`,
    )
  for (let at = HEADER_WORDS; at < Math.min(record.length, 120); at++)
    for (const value of [0, 1, 0xffff_ffff, 0x7fff_ffff]) {
      const changed = record.slice()
      if (changed[at] === value) continue
      changed[at] = value
      const answer = await recordedTreeAsync(root.rootFd, changed, 0, 1)
      if (isCompared(at)) t.equal(answer, false, `word ${at} as ${value}`)
    }
})

/** Of the root's own entry, but for the digest, and the two numbers that the first block begins with. */
function isCompared(at: number): boolean {
  const from = at - HEADER_WORDS
  return (
    from < ENTRY_WORDS + 2 &&
    from !== ENTRY.digest &&
    from !== ENTRY.size &&
    from !== ENTRY.size + 1
  )
}
