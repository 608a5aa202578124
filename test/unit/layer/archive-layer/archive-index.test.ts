// The index of a layer's archive: names, attributes and contents as the archive has them, by the
// rules by which it would be unpacked.
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf } from '../../../../src/bytes/byte-source.js'
import type { RandomSource } from '../../../../src/bytes/random-source.js'
import {
  emptyPoints,
  openSeekable,
  recordPoints,
} from '../../../../src/compress/seek-points.js'
import { ArchivedFile } from '../../../../src/layer/archive-layer/archived-file.js'
import { ArchiveIndex } from '../../../../src/layer/archive-layer/archive-index.js'
import { buildArchiveIndex } from '../../../../src/layer/archive-layer/build-index.js'
import { ST, statNumber, statRecords, statSeconds } from '../../../../src/sys/stat.js'
import { defaultTarLimits } from '../../../../src/tar/limits.js'
import { directory, file, hardlink, makeTar, symlink } from '../../../helpers/make-tar.js'

const limits = { ...defaultTarLimits, depth: 50 }

class InMemory implements RandomSource {
  readonly size: number
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.size = bytes.length
  }

  readAt(position: number, into: Uint8Array): number {
    return this.bytes.copy(into, 0, Math.min(position, this.size))
  }
}

class Archive {
  readonly index: ArchiveIndex
  private readonly tar: RandomSource

  constructor(index: ArchiveIndex, tar: RandomSource) {
    this.index = index
    this.tar = tar
  }

  static async of(tar: Buffer): Promise<Archive> {
    const index = new ArchiveIndex(await buildArchiveIndex(bytesOf(tar), limits))
    return new Archive(index, new InMemory(tar))
  }

  node(path: string): number {
    let node = 0
    for (const name of path.split('/').filter(part => part !== ''))
      if (node >= 0) node = this.index.lookup(node, name)
    return node
  }

  inode(path: string): number {
    return this.index.inodeOf(this.node(path))
  }

  names(path: string): string[] {
    const found: string[] = []
    this.index.list(this.node(path), (_, name) => found.push(name))
    return found
  }

  read(path: string, position = 0, length = 1000): string {
    const into = Buffer.alloc(length, 'x')
    const tar = {
      ...{ number: 0, source: this.tar, fd: -1, direct: null, seekable: null },
      hasChanged: () => false,
    }
    const read = new ArchivedFile(this.index, this.inode(path), tar).read(position, into)
    return into.subarray(0, read).latin1Slice()
  }

  stat(path: string): Uint32Array {
    const record = statRecords(1)
    this.index.stat(this.inode(path), record)
    return record
  }
}

t.test('names, in the order of their bytes', async t => {
  const names = ['a', 'b', 'B', '\xff', 'a.', 'a0', 'aa', '\x80\x81']
  const archive = await Archive.of(
    makeTar(...names.map(name => file(`d/${name}`, name)), file('e')),
  )
  t.same(archive.names('d'), [...names].sort())
  t.same(archive.names(''), ['d', 'e'])
  for (const name of names) t.equal(archive.read(`d/${name}`), name)
  for (const name of ['', 'c', 'aaa', '\xfe', 'A'])
    t.equal(archive.index.lookup(archive.node('d'), name), -1)
  t.equal(archive.index.lookup(archive.node('e'), 'x'), -1, 'a file has no names in it')
})

t.test('attributes', async t => {
  const pax = {
    mtime: '-5.25',
    atime: '12345678901.000000007',
    'SCHILY.xattr.user.k': 'v\xff\0',
    'SCHILY.xattr.trusted.overlay.opaque': 'y',
  }
  const archive = await Archive.of(
    makeTar(
      directory('./', { uid: 3, mode: 0o711 }),
      file('f', 'contents', {
        mode: 0o4755,
        uid: 10,
        gid: 4294967294,
        pax: { ...pax, gid: '4294967294' },
      }),
      hardlink('h', 'f'),
      symlink('s', '../target\xff'),
      { path: 'c', flag: '3', major: 259, minor: 70_000 },
      { path: 'p', flag: '6', mode: 0o600 },
    ),
  )
  const f = archive.stat('f')
  t.equal(f[ST.mode], 0o104755)
  t.equal(f[ST.nlink], 2)
  t.same([f[ST.uid], f[ST.gid]], [10, 4294967294])
  t.equal(statNumber(f, ST.size), 8)
  t.same([statSeconds(f, ST.mtime), f[ST.mtimeNsec]], [-6, 750_000_000])
  t.same([statSeconds(f, ST.atime), f[ST.atimeNsec]], [12_345_678_901, 7])
  t.equal(archive.inode('h'), archive.inode('f'))
  t.same(
    [...archive.index.xattrs(archive.inode('f'))].map(([k, v]) => [k, v.latin1Slice()]),
    [
      ['user.k', 'v\xff\0'],
      ['trusted.overlay.opaque', 'y'],
    ],
    'as the author named them',
  )
  t.equal(archive.index.xattrs(archive.inode('p')).size, 0)
  t.equal(archive.stat('s')[ST.mode], 0o120777)
  t.equal(archive.index.linkText(archive.inode('s')), '../target\xff')
  t.equal(
    archive.stat('c')[ST.rdev],
    (259 << 8) | (70_000 & 0xff) | ((70_000 & ~0xff) << 12),
  )
  t.equal(archive.stat('p')[ST.mode], 0o10600)
  t.equal(archive.stat('')[ST.mode], 0o40711)
  t.equal(archive.index.isImplied(archive.inode('')), false)
})

t.test('whiteouts, opaque directories and implied parents', async t => {
  const archive = await Archive.of(
    makeTar(
      file('a/b/c'),
      file('.wh.gone'),
      file('both'),
      file('.wh.both'),
      file('a/.wh.b'),
      file('a/late/x'),
      file('a/late/.wh..wh..opq'),
    ),
  )
  const { index } = archive
  t.same(archive.names(''), ['a', 'both', 'gone'])
  t.equal(archive.inode('gone'), -1)
  t.ok(index.hides(archive.node('gone')))
  t.ok(archive.inode('both') >= 0 && index.hides(archive.node('both')))
  t.ok(index.isImplied(archive.inode('a')))
  t.notOk(index.isOpaque(archive.node('a')))
  t.ok(index.isOpaque(archive.node('a/b')), 'a whiteout beside it')
  t.ok(index.isOpaque(archive.node('a/late')))
})

t.test('later entries win', async t => {
  const archive = await Archive.of(
    makeTar(
      file('f', 'one'),
      hardlink('other', 'f'),
      file('f', 'two'),
      file('d/x/y', 'y'),
      hardlink('kept', 'd/x/y'),
      file('d', 'a file now'),
      symlink('s', 'f'),
      directory('s/'),
      file('s/in', 'in'),
    ),
  )
  t.equal(archive.read('f'), 'two')
  t.equal(archive.read('other'), 'one')
  t.equal(archive.stat('other')[ST.nlink], 1)
  t.equal(archive.read('d'), 'a file now')
  t.equal(archive.node('d/x'), -1)
  t.equal(archive.read('kept'), 'y')
  t.equal(archive.stat('kept')[ST.nlink], 1)
  t.equal(archive.read('s/in'), 'in')
})

t.test('hard links to a lower file', async t => {
  const archive = await Archive.of(
    makeTar(hardlink('d/new', 'lower/f'), hardlink('third', 'd/new')),
  )
  const inode = archive.inode('d/new')
  t.equal(archive.index.lowerLink(inode), 'lower/f')
  t.equal(archive.inode('lower/f'), inode)
  t.equal(archive.inode('third'), inode)
  t.equal(archive.stat('third')[ST.nlink], 3)
  t.equal(archive.index.lowerLink(archive.inode('d')), null)
})

t.test('contents, wherever they are read', async t => {
  const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 0xff)).latin1Slice()
  const pax = {
    'GNU.sparse.size': '5000000000',
    'GNU.sparse.map': '10,5,4999999000,3,5000000000,0',
  }
  const archive = await Archive.of(
    makeTar(
      file('empty'),
      file('f', data),
      file('s', 'abcdeXYZ', { pax }),
      file('end', '.'),
    ),
  )
  t.equal(archive.read('f', 0, 9999), data)
  t.equal(archive.read('f', 4990), data.slice(4990))
  t.equal(archive.read('f', 5000), '')
  t.equal(archive.read('f', 9000), '')
  t.equal(archive.read('empty'), '')
  t.equal(archive.read('s', 8, 10), '\0\0abcde\0\0\0')
  t.equal(archive.read('s', 12, 2), 'cd')
  t.equal(archive.read('s', 4999998999, 6), '\0XYZ\0\0')
  t.equal(archive.read('s', 4999999999, 10), '\0')
  t.equal(archive.read('s', 100, 5), '\0\0\0\0\0')
  t.equal(statNumber(archive.stat('s'), ST.size), 5_000_000_000)
  t.equal(statNumber(archive.stat('s'), ST.blocks), 1)
})

t.test('in a compressed archive, by one pass', async t => {
  const pieces = Array.from({ length: 200 }, (_, i) =>
    file(`f${i}`, `${i} `.repeat(1000 + i)),
  )
  const packed = gzipSync(makeTar(...pieces))
  const points = emptyPoints('gzip')
  const block = await buildArchiveIndex(
    recordPoints(bytesOf(packed), points, 100_000),
    limits,
  )
  const source = openSeekable(new InMemory(packed), points)
  const archive = new Archive(new ArchiveIndex(block), source)
  for (const i of [150, 3, 199, 0, 77])
    t.equal(archive.read(`f${i}`, 0, 1 << 20), `${i} `.repeat(1000 + i))
})

t.test('what is refused', async t => {
  const heard: string[] = []
  type Expected = Readonly<{ name?: string; code: string }>
  const refused = (tar: Buffer, expected: Expected) =>
    t.rejects(
      buildArchiveIndex(bytesOf(tar), limits, path => heard.push(path)),
      { ...expected },
    )
  const malformed = { name: 'Refusal', code: 'malformed' }
  await refused(makeTar(file('../x')), malformed)
  t.same(heard, ['../x'], 'the entry is known')
  await refused(makeTar(file('.wh.')), malformed)
  await refused(makeTar(directory('.wh.x/')), malformed)
  await refused(makeTar(symlink('s', '/'), file('s/x')), malformed)
  await refused(makeTar(symlink('s', '/'), hardlink('h', 's/x')), malformed)
  await refused(makeTar(directory('d/'), hardlink('h', 'd')), malformed)
  await refused(makeTar(file('f', '', { pax: { uid: '-1' } })), malformed)
  await refused(makeTar({ path: 'c', flag: '3' }), { code: 'unsupported' })
  const pax = { 'SCHILY.devmajor': '4096' }
  await refused(makeTar({ path: 'c', flag: '3', pax }), malformed)
  await refused(makeTar(file('x', '', { pax: { path: `${'d/'.repeat(52)}f` } })), {
    code: 'limit',
  })
})

t.test('an index that is damaged', async t => {
  const block = await buildArchiveIndex(bytesOf(makeTar(file('d/f', 'x'))), limits)
  const damaged = { name: 'FsError', code: 'EUCLEAN' }
  t.throws(() => new ArchiveIndex(Buffer.alloc(0)), damaged)
  t.throws(() => new ArchiveIndex(block.subarray(0, block.length - 1)), damaged)
  const version = Buffer.from(block)
  version[8] = 99
  t.throws(() => new ArchiveIndex(version), damaged)
  for (let at = 32; at < block.length - 4; at += 4) {
    const wrong = Buffer.from(block)
    wrong.writeUInt32LE(0x7fff_fff0, at)
    const index = new ArchiveIndex(wrong)
    const record = statRecords(1)
    index.list(0, node => {
      index.lookup(node, 'f')
      index.stat(Math.max(index.inodeOf(node), 0), record)
      index.xattrs(index.inodeOf(node))
    })
  }
  t.pass('never reads beyond its block')
})
