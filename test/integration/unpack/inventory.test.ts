// The inventory of a layer: made while the layer is unpacked, with digests of what goes by, and
// compared in every detail afterwards.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import { bytesOf } from '../../../src/bytes/byte-source.js'
import {
  compareInventory,
  type Deviation,
} from '../../../src/image/inventory/compare-inventory.js'
import { ContentDigests } from '../../../src/image/inventory/content-digests.js'
import { finished } from '../../../src/image/inventory/digest-contents.js'
import { Inventory } from '../../../src/image/inventory/inventory.js'
import { openLayerRoot } from '../../../src/image/inventory/open-layer-root.js'
import { recordInventory } from '../../../src/image/inventory/record-inventory.js'
import { directory, file, hardlink, makeTar, symlink } from '../../helpers/make-tar.js'
import { ground } from '../../helpers/unpack.js'
import { temporary } from '../../helpers/store.js'

/** Where the inventory of a layer is kept by these tests. */
const fileOf = (layer: string): string => `${layer}.inventory`

function record(layer: string, digests = new ContentDigests()): void {
  fs.writeFileSync(fileOf(layer), recordInventory(layer, digests))
}

function compare(layer: string, contents: boolean): Deviation[] {
  const inventory = Inventory.read(fileOf(layer), contents)
  if (typeof inventory === 'string') throw new Error(inventory)
  const root = openLayerRoot(layer)
  try {
    return [...finished(compareInventory(root, inventory, contents))]
  } finally {
    root.close()
  }
}

/** Contents alone: where times were not restored. */
const contentsOf = (layer: string): string[] =>
  compare(layer, true)
    .filter(({ what }) => what === 'contents' || what === 'target')
    .map(({ path }) => path)

t.test('digests of what goes by are those of what lies there', async t => {
  const g = ground(t)
  const large = Buffer.alloc(5_000_000, 'plyfs ')
  await g.add(makeTar(file('below', 'of the layer below'), file('other', 'of it too')))
  const digests = new ContentDigests()
  const runs = [0, 4096, 3_000_000, 4096]
  const map = Buffer.alloc(512)
  map.write(`2\n${runs.join('\n')}\n`)
  const data = Buffer.concat([map, Buffer.alloc(4096, 'a'), Buffer.alloc(4096, 'b')])
  const tar = makeTar(
    file('large', large.toString('latin1')),
    file('small', 'small'),
    file('empty'),
    hardlink('second', 'small'),
    // What stood under a name first: its inode number is free for another file.
    ...Array.from({ length: 40 }, (_, i) => file('again', `version ${i}`)),
    file('turned', 'a file'),
    directory('turned/'),
    file('turned/in', 'in'),
    hardlink('copied', 'below'),
    file('replaced', 'longer than the link'),
    hardlink('replaced', 'other'),
    symlink('link', 'small'),
    {
      path: 'GNUSparseFile.0/sparse',
      data,
      pax: {
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.name': 'sparse',
        'GNU.sparse.realsize': '4000000',
      },
    },
  )
  const pieces: Buffer[] = []
  for (let at = 0; at < tar.length; at += 70_001)
    pieces.push(tar.subarray(at, at + 70_001))
  const layer = await g.add(bytesOf(...pieces), { digests })
  t.equal(fs.statSync(`${layer}/sparse`).size, 4_000_000)
  record(layer, digests)
  t.same(compare(layer, true), [], 'recorded while unpacking, read from the disk')
  record(layer)
  t.same(compare(layer, true), [], 'recorded from the disk')

  for (const name of ['large', 'again', 'turned/in', 'copied', 'replaced', 'second']) {
    const fd = fs.openSync(`${layer}/${name}`, 'r+')
    fs.writeSync(fd, '#', fs.fstatSync(fd).size - 1)
    fs.closeSync(fd)
  }
  const sparse = fs.openSync(`${layer}/sparse`, 'r+')
  fs.writeSync(sparse, '#', 2_000_000)
  fs.closeSync(sparse)
  fs.rmSync(`${layer}/link`)
  fs.symlinkSync('smalL', `${layer}/link`)
  t.same(
    contentsOf(layer).sort(),
    ['/again', '/copied', '/large', '/link', '/replaced', '/second', '/small', '/sparse']
      .concat('/turned/in', '/below', '/other')
      .sort(),
  )
})

t.test('contents of a sparse file are what counts, not its holes', async t => {
  const layer = path.join(temporary(t), 'layer')
  fs.mkdirSync(layer)
  const fd = fs.openSync(`${layer}/sparse`, 'w')
  fs.writeSync(fd, 'data', 1_000_000)
  fs.ftruncateSync(fd, 10_000_000_000)
  record(layer)
  t.same(compare(layer, true), [])
  fs.writeSync(fd, Buffer.alloc(200_000), 0, 200_000, 5_000_001)
  t.same(contentsOf(layer), [], 'zeros in the place of a hole')
  fs.writeSync(fd, 'x', 9_999_999_999)
  t.same(contentsOf(layer), ['/sparse'])
  fs.closeSync(fd)
})

t.test('many names, any bytes, any order, deep down', async t => {
  const layer = path.join(temporary(t), 'layer')
  const deep = [...Array(300).keys()].map(i => `${i}`).join('/')
  fs.mkdirSync(`${layer}/${deep}`, { recursive: true })
  fs.writeFileSync(`${layer}/${deep}/bottom`, 'x')
  fs.mkdirSync(`${layer}/many`)
  for (let i = 0; i < 3000; i++)
    fs.writeFileSync(`${layer}/many/${'n'.repeat(i % 200)}${i}`, '')
  const odd = Buffer.concat([
    Buffer.from(`${layer}/many/`),
    Buffer.from([0xff, 0x0a, 0xc3]),
  ])
  fs.mkdirSync(odd)
  fs.writeFileSync(Buffer.concat([odd, Buffer.from('/in')]), '')
  record(layer)
  t.same(compare(layer, true), [])
  fs.writeFileSync(`${layer}/${deep}/more`, '')
  fs.rmSync(`${layer}/many/${'n'.repeat(5)}5`)
  fs.rmSync(odd, { recursive: true })
  fs.chmodSync(`${layer}/many/${'n'.repeat(199)}2999`, 0o4755)
  const told = new Map(compare(layer, false).map(({ path, what }) => [path, what]))
  t.equal(told.get(`/${deep}/more`), 'added')
  t.equal(told.get('/many/nnnnn5'), 'missing')
  t.equal(told.get('/many/\xff\n\xc3'), 'missing')
  t.notOk(told.has('/many/\xff\n\xc3/in'), 'what was in it is not told')
  t.equal(told.get(`/many/${'n'.repeat(199)}2999`), 'mode, change time')
  t.equal(told.get('/many'), 'modification time, change time')
  t.equal(told.size, 6, 'and the directory deep down')
})

t.test('a whole copy has moved, and no more', async t => {
  const layer = path.join(temporary(t), 'layer')
  fs.mkdirSync(`${layer}/a/b`, { recursive: true })
  fs.writeFileSync(`${layer}/a/b/c`, 'c')
  record(layer)
  execFileSync('cp', ['-a', layer, `${layer}-copy`])
  fs.utimesSync(`${layer}-copy/a`, 1, 1)
  fs.renameSync(fileOf(layer), fileOf(`${layer}-copy`))
  const told = compare(`${layer}-copy`, true)
  t.equal(told.find(({ path }) => path === '/a/b/c')?.moved, true)
  t.equal(told.find(({ path }) => path === '/a')?.moved, false)
})
