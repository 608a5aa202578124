// A layer on top of others: whiteouts and opaque markers wherever they stand, parents without an
// entry, hard links to files of a lower layer.
import * as fs from 'node:fs'
import t from 'tap'
import { directory, file, hardlink, makeTar, symlink } from '../../helpers/make-tar.js'
import { ground, isWhiteout, names, xattr } from '../../helpers/unpack.js'

const OPAQUE = 'trusted.overlay.opaque'

const base = makeTar(
  directory('./', { mode: 0o750, uid: 11, mtime: 1000 }),
  directory('d/', {
    mode: 0o2770,
    uid: 5,
    gid: 6,
    pax: { mtime: '2000.5', 'SCHILY.xattr.user.k': 'v' },
  }),
  file('d/one', 'one'),
  file('d/two', 'two'),
  directory('d/sub/'),
  file('d/sub/three', 'three'),
  file('f', 'lower', { mode: 0o640, uid: 77, pax: { 'SCHILY.xattr.user.k': 'v' } }),
  hardlink('f2', 'f'),
  symlink('link', 'd'),
)

t.test('whiteouts hide what is below', async t => {
  const g = ground(t)
  await g.add(base)
  const layer = await g.add(
    makeTar(file('.wh.f'), file('d/.wh.sub'), file('d/.wh.absent'), file('no/.wh.x')),
  )
  t.same(names(layer), ['d', 'f', 'no'])
  t.ok(isWhiteout(`${layer}/f`))
  t.same(names(`${layer}/d`), ['sub'], 'nothing hides what is not there')
  t.ok(isWhiteout(`${layer}/d/sub`))
  t.same(names(`${layer}/no`), [])
  const above = await g.add(makeTar(file('.wh.f'), file('d/sub/.wh.three')))
  t.same(names(above), ['d'], 'what is hidden already is not hidden again')
  t.same(names(`${above}/d/sub`), [])
})

t.test('whiteouts beside the name in the same layer', async t => {
  for (const order of ['before', 'after']) {
    const g = ground(t)
    await g.add(base)
    const hiding = [file('.wh.f'), file('d/.wh.sub'), file('.wh.link')]
    const objects = [
      file('f', 'upper'),
      directory('d/sub/', { mode: 0o711 }),
      file('d/sub/new'),
      file('link/inside'),
    ]
    const layer = await g.add(
      makeTar(
        ...(order === 'before' ? [...hiding, ...objects] : [...objects, ...hiding]),
      ),
    )
    t.equal(fs.readFileSync(`${layer}/f`, 'utf8'), 'upper', order)
    t.equal(xattr(`${layer}/d/sub`, OPAQUE), 'y')
    t.same(names(`${layer}/d/sub`), ['new'])
    t.equal(xattr(`${layer}/d`, OPAQUE), null)
    t.equal(xattr(`${layer}/link`, OPAQUE), null, 'no directory was below')
  }
})

t.test('opaque markers, also at the end and without an entry', async t => {
  const g = ground(t)
  await g.add(base)
  const layer = await g.add(
    makeTar(
      file('d/new', 'x'),
      file('d/sub/deep/er', 'x'),
      file('d/.wh.one'),
      file('d/.wh..wh..opq'),
      file('fresh/.wh..wh..opq'),
    ),
  )
  t.equal(xattr(`${layer}/d`, OPAQUE), 'y')
  t.same(names(`${layer}/d`), ['new', 'sub'], 'a whiteout below would hide nothing')
  t.equal(xattr(`${layer}/fresh`, OPAQUE), null, 'there is nothing to hide')
  const { mode, uid, gid, mtimeMs } = fs.statSync(`${layer}/d`)
  t.same(
    [mode, uid, gid, mtimeMs],
    [0o42770, 5, 6, 2_000_500],
    'it is the lower one still',
  )
  t.match(fs.statSync(`${layer}/d/sub`), { mode: 0o40755, uid: 0 })
  t.equal(fs.statSync(`${layer}/d/sub`).mtimeMs, 0, 'its lower one is hidden')
  const next = await g.add(makeTar(file('d/two', 'again'), file('d/.wh.two')))
  t.equal(fs.readFileSync(`${next}/d/two`, 'utf8'), 'again')
})

t.test('an opaque root', async t => {
  const g = ground(t)
  const top = fs.readdirSync(await g.add(base))
  const layer = await g.add(makeTar(file('x'), file('.wh..wh..opq')))
  // The root of a kernel overlay merges all layers, whatever it is marked with.
  t.equal(xattr(layer, OPAQUE), null)
  t.same(fs.readdirSync(layer).toSorted(), [...new Set([...top, 'x'])].toSorted())
  for (const name of top) t.ok(fs.lstatSync(`${layer}/${name}`).isCharacterDevice(), name)
  t.equal(fs.statSync(layer).uid, 11)
})

t.test('a parent without an entry stays as it is below', async t => {
  const g = ground(t)
  await g.add(base)
  await g.add(makeTar(file('other')))
  const layer = await g.add(makeTar(file('d/sub/new'), file('unknown/new')))
  const { mode, uid, gid, mtimeMs } = fs.statSync(`${layer}/d`)
  t.same([mode, uid, gid, mtimeMs], [0o42770, 5, 6, 2_000_500])
  t.equal(xattr(`${layer}/d`, 'user.k'), 'v')
  const root = fs.statSync(layer)
  t.same([root.mode, root.uid, root.mtimeMs], [0o40750, 11, 1_000_000])
  t.match(fs.statSync(`${layer}/unknown`), { mode: 0o40755, uid: 0, gid: 0, mtimeMs: 0 })
  const own = await g.add(makeTar(file('d/x'), directory('d/', { mode: 0o700 })))
  t.match(fs.statSync(`${own}/d`), { mode: 0o40700, uid: 0 }, 'its own entry wins')
})

t.test('a hard link to a lower file', async t => {
  const g = ground(t)
  const below = await g.add(base)
  const before = fs.statSync(`${below}/f`, { bigint: true })
  const layer = await g.add(
    makeTar(
      hardlink('d/linked', 'f'),
      hardlink('third', '/d/linked'),
      hardlink('f', 'f'),
    ),
  )
  const after = fs.statSync(`${below}/f`, { bigint: true })
  t.same(
    [after.ctimeNs, after.nlink],
    [before.ctimeNs, before.nlink],
    'below is untouched',
  )
  const stat = fs.statSync(`${layer}/f`)
  t.match(stat, { nlink: 4, mode: 0o100640, uid: 77, mtimeMs: 1e12 })
  t.equal(fs.statSync(`${layer}/d/linked`).ino, stat.ino)
  t.equal(fs.statSync(`${layer}/third`).ino, stat.ino)
  t.equal(fs.readFileSync(`${layer}/third`, 'utf8'), 'lower')
  t.equal(xattr(`${layer}/f`, 'user.k'), 'v')
  t.same(names(layer), ['d', 'f', 'f2', 'third'], 'its other lower name comes along')
})

t.test('a hard link to a lower symlink, device and FIFO', async t => {
  const g = ground(t)
  await g.add(
    makeTar(
      symlink('s', 'anywhere', { uid: 4 }),
      { path: 'c', flag: '3', major: 1, minor: 3, mode: 0o666 },
      { path: 'p', flag: '6', mode: 0o622 },
    ),
  )
  const layer = await g.add(
    makeTar(hardlink('s2', 's'), hardlink('c2', 'c'), hardlink('p2', 'p')),
  )
  t.equal(fs.readlinkSync(`${layer}/s2`), 'anywhere')
  t.match(fs.lstatSync(`${layer}/s`), { uid: 4, nlink: 2 })
  t.match(fs.lstatSync(`${layer}/c2`), { mode: 0o20666, rdev: 259, nlink: 2 })
  t.match(fs.lstatSync(`${layer}/p2`), { mode: 0o10622, nlink: 2 })
})

t.test('the bookkeeping of AUFS is passed over', async t => {
  const g = ground(t)
  const layer = await g.add(
    makeTar(
      directory('.wh..wh.plnk/'),
      file('.wh..wh.plnk/1.2', 'x'),
      file('.wh..wh.aufs'),
    ),
  )
  t.same(names(layer), [])
})

t.test('in the AUFS spelling', async t => {
  const g = ground(t, 'aufs')
  await g.add(base)
  const layer = await g.add(
    makeTar(file('.wh.f'), file('d/x'), file('d/.wh..wh..opq'), file('.wh.link')),
  )
  t.same(names(layer), ['.wh.f', '.wh.link', 'd'])
  t.same(names(`${layer}/d`), ['.wh..wh..opq', 'x'])
  const next = await g.add(makeTar(file('.wh.f'), file('d/.wh.one'), file('d/.wh.x')))
  t.same(names(next), ['d'])
  t.same(names(`${next}/d`), ['.wh.x'], 'what is hidden already is not hidden again')
})
