// A layer of every kind of object: what the archive says is what lies on the disk, bytes, owners,
// modes, times, attributes and links.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import { directory, file, hardlink, makeTar, symlink } from '../../helpers/make-tar.js'
import { ground, names, xattr } from '../../helpers/unpack.js'

const CAPABILITY = Buffer.from('0100000200040000000000000000000000000000', 'hex')

t.test('every type, with its owner, mode and time', async t => {
  const g = ground(t)
  const pax = { mtime: '1234567890.123456789', atime: '5.000000001' }
  const layer = await g.add(
    makeTar(
      directory('./', { mode: 0o711, uid: 3, gid: 4, mtime: 77 }),
      directory('d/', { mode: 0o1770, uid: 1, gid: 2, mtime: 99 }),
      file('d/f', 'contents', { mode: 0o4755, uid: 10, gid: 20, pax }),
      file('d/private', '', { mode: 0o600 }),
      file('d/all', '', { mode: 0o777 }),
      symlink('d/s', '/outside/../x', { uid: 7, gid: 8, mtime: 55 }),
      { path: 'd/c', flag: '3', major: 259, minor: 70_000, mode: 0o620 },
      { path: 'd/b', flag: '4', major: 0, minor: 0 },
      { path: 'd/p', flag: '6', mode: 0o666, uid: 9 },
      hardlink('d/h', './/d/./f'),
    ),
  )
  const stat = (name: string): fs.BigIntStats =>
    fs.lstatSync(path.join(layer, name), { bigint: true })
  t.match(stat(''), { mode: 0o40711n, uid: 3n, gid: 4n, mtimeNs: 77_000_000_000n })
  t.match(stat('d'), { mode: 0o41770n, uid: 1n, gid: 2n, mtimeNs: 99_000_000_000n })
  t.match(stat('d/f'), { mode: 0o104755n, uid: 10n, gid: 20n, nlink: 2n, size: 8n })
  t.equal(stat('d/f').mtimeNs, 1_234_567_890_123_456_789n)
  t.equal(stat('d/f').atimeNs, 5_000_000_001n)
  t.equal(stat('d/h').ino, stat('d/f').ino)
  t.match(stat('d/private'), { mode: 0o100600n })
  t.match(stat('d/all'), { mode: 0o100777n })
  t.match(stat('d/s'), { uid: 7n, gid: 8n, mtimeNs: 55_000_000_000n })
  t.equal(fs.readlinkSync(path.join(layer, 'd/s')), '/outside/../x')
  t.match(stat('d/c'), { mode: 0o20620n, rdev: BigInt(makedev(259, 70_000)) })
  t.match(stat('d/b'), { mode: 0o60644n, rdev: 0n })
  t.match(stat('d/p'), { mode: 0o10666n, uid: 9n })
  t.equal(fs.readFileSync(path.join(layer, 'd/f'), 'utf8'), 'contents')
})

function makedev(major: number, minor: number): number {
  return (major & 0xfff) * 256 + (minor & 0xff) + (minor & ~0xff) * 4096
}

t.test('names of any bytes, and of any length', async t => {
  const g = ground(t)
  const odd = 'n\xff\xfe \n\\\x7f'
  const long = 'l'.repeat(255)
  const deep = Array.from({ length: 40 }, () => 'd'.repeat(120)).join('/')
  const layer = await g.add(
    makeTar(
      file(odd, 'odd'),
      file('x', 'long', { pax: { path: long } }),
      file('x', 'deep', { pax: { path: `${deep}/f` } }),
      symlink('s', odd),
    ),
  )
  t.same(fs.readdirSync(layer, 'latin1').sort(), [odd, long, 's', 'd'.repeat(120)].sort())
  t.equal(fs.readFileSync(Buffer.from(`${layer}/${odd}`, 'latin1'), 'utf8'), 'odd')
  // Beyond PATH_MAX, step by step.
  const found = execFileSync(
    'find',
    ['.', '-name', 'f', '-size', '4c', '-printf', '%d'],
    {
      cwd: layer,
      encoding: 'utf8',
    },
  )
  t.equal(found, '41')
})

t.test('attributes, capabilities last', async t => {
  const g = ground(t)
  const layer = await g.add(
    makeTar(
      file('f', 'x', {
        mode: 0o4755,
        uid: 5,
        pax: {
          'SCHILY.xattr.security.capability': CAPABILITY,
          'SCHILY.xattr.user.k': 'v\xff\0=\n',
        },
      }),
      directory('d/', { pax: { 'SCHILY.xattr.trusted.t': 'on a directory' } }),
      symlink('s', 'f', { pax: { 'SCHILY.xattr.trusted.t': 'on a link' } }),
    ),
  )
  t.equal(xattr(`${layer}/f`, 'user.k'), 'v\xff\0=\n')
  t.equal(xattr(`${layer}/f`, 'security.capability'), CAPABILITY.latin1Slice())
  t.equal(fs.statSync(`${layer}/f`).mode & 0o7777, 0o4755)
  t.equal(xattr(`${layer}/d`, 'trusted.t'), 'on a directory')
  t.equal(xattr(`${layer}/s`, 'trusted.t'), 'on a link')
})

t.test('a sparse file keeps its holes', async t => {
  const g = ground(t)
  const size = 1 << 30
  const pax = {
    'GNU.sparse.size': String(size),
    'GNU.sparse.map': `4096,3,${1 << 20},2,${size},0`,
  }
  const layer = await g.add(makeTar(file('s', 'abcde', { pax })))
  const stat = fs.statSync(`${layer}/s`)
  t.equal(stat.size, size)
  t.ok(stat.blocks < 64, `${stat.blocks} blocks`)
  const fd = fs.openSync(`${layer}/s`, 'r')
  const piece = Buffer.alloc(5)
  fs.readSync(fd, piece, 0, 5, 4095)
  t.equal(piece.latin1Slice(), '\0abc\0')
  fs.readSync(fd, piece, 0, 5, (1 << 20) - 1)
  t.equal(piece.latin1Slice(), '\0de\0\0')
  fs.closeSync(fd)
})

t.test('what GNU tar packs', async t => {
  const g = ground(t)
  const source = path.join(g.outside, 'tree')
  fs.mkdirSync(path.join(source, 'a/b'), { recursive: true })
  fs.writeFileSync(path.join(source, 'a/b/large'), Buffer.alloc(3_000_001, 'data'))
  fs.writeFileSync(path.join(source, `a/${'n'.repeat(200)}`), 'x')
  fs.linkSync(path.join(source, 'a/b/large'), path.join(source, 'a/linked'))
  const sparse = fs.openSync(path.join(source, 'sparse'), 'w')
  fs.writeSync(sparse, 'end', 5_000_000)
  fs.closeSync(sparse)
  for (const format of ['gnu', 'pax', 'oldgnu']) {
    const tar = execFileSync('tar', ['-cS', `--format=${format}`, '-C', source, '.'], {
      maxBuffer: 1 << 26,
    })
    const layer = await g.add(tar)
    const differences = execFileSync('diff', ['-r', source, layer], { encoding: 'utf8' })
    t.equal(differences, '', format)
    t.ok(fs.statSync(`${layer}/sparse`).blocks < 32, 'sparse')
    t.equal(fs.statSync(`${layer}/a/linked`).nlink, 2)
  }
})

t.test('a later duplicate wins', async t => {
  const g = ground(t)
  const layer = await g.add(
    makeTar(
      file('f', 'one', { mode: 0o4755 }),
      hardlink('other', 'f'),
      file('f', 'two', { mode: 0o600 }),
      symlink('s', 'f'),
      file('s', 'no link any more'),
      directory('d/', { mode: 0o700 }),
      file('d/kept', 'kept'),
      directory('d/', { mode: 0o755, uid: 6 }),
      directory('gone/'),
      file('gone/a/b/c', 'x'),
      file('gone', 'a file now'),
      file('dir', 'x'),
      directory('dir/'),
      file('dir/in', 'y'),
    ),
  )
  t.equal(fs.readFileSync(`${layer}/f`, 'utf8'), 'two')
  t.equal(fs.readFileSync(`${layer}/other`, 'utf8'), 'one', 'its other name is untouched')
  t.equal(fs.readFileSync(`${layer}/s`, 'utf8'), 'no link any more')
  t.match(fs.statSync(`${layer}/d`), { mode: 0o40755, uid: 6 })
  t.same(names(`${layer}/d`), ['kept'])
  t.equal(fs.readFileSync(`${layer}/gone`, 'utf8'), 'a file now')
  t.same(names(`${layer}/dir`), ['in'])
})

t.test('without privilege owners are kept in an attribute', async t => {
  const g = ground(t, 'kernel-user')
  const layer = await g.add(
    makeTar(
      directory('./', { uid: 1, gid: 2, mode: 0o500 }),
      file('f', 'x', { uid: 33, gid: 44, mode: 0o4004 }),
      { path: 'c', flag: '3', major: 1, minor: 3, mode: 0o666 },
      file('below/f', 'x'),
    ),
    { owners: 'attribute' },
  )
  const override = (name: string): string | null =>
    xattr(`${layer}/${name}`, 'user.containers.override_stat')
  t.equal(override(''), '1:2:0500:dir')
  t.equal(override('f'), '33:44:4004:file')
  t.equal(override('c'), '0:0:0666:char-1-3')
  t.equal(override('below'), '0:0:0755:dir')
  t.ok(fs.statSync(`${layer}/c`).isFile())
  t.equal(fs.statSync(`${layer}/f`).mode & 0o7777, 0o604, 'its user can read it')
  const next = await g.add(makeTar(file('below/g'), hardlink('again', 'f')), {
    owners: 'attribute',
  })
  t.equal(xattr(`${next}/below`, 'user.containers.override_stat'), '0:0:0755:dir')
  t.equal(xattr(next, 'user.containers.override_stat'), '1:2:0500:dir')
  t.equal(xattr(`${next}/again`, 'user.containers.override_stat'), '33:44:4004:file')
})
