// An upper directory as a layer: packed, and unpacked again on the same layers, it is the same
// tree; and the same upper always gives the same bytes.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
import { bytesOf, collect } from '../../../src/bytes/byte-source.js'
import { upperToTar } from '../../../src/image/diff/upper-to-tar.js'
import { type FormatName, layerFormat } from '../../../src/layer/format.js'
import { TarReader } from '../../../src/tar/reader.js'
import { directory, file, hardlink, makeTar, symlink } from '../../helpers/make-tar.js'
import { type Ground, ground, isWhiteout, names, xattr } from '../../helpers/unpack.js'

const MUCH = 1 << 28

const base = makeTar(
  directory('d/', { mode: 0o2770, uid: 5 }),
  file('d/one', 'one', { mtime: 7 }),
  file('d/two', 'two'),
  directory('d/sub/'),
  file('d/sub/three', 'three', { uid: 9 }),
  hardlink('d/sub/four', 'd/sub/three'),
  file('f', 'lower'),
)

async function pack(g: Ground, upper: string, name: FormatName = 'kernel-trusted') {
  const parents = g.layers.filter(layer => layer !== upper)
  const format = layerFormat(name, true, false)
  return collect(upperToTar({ upper, index: null, parents, format }), MUCH)
}

async function listing(tar: Buffer): Promise<string[]> {
  const reader = new TarReader(bytesOf(tar))
  const found: string[] = []
  for (;;) {
    const header = await reader.next()
    if (header === undefined) return found
    const { path, type, linkname } = header
    found.push([path, type, linkname].filter(part => part !== '').join(' '))
  }
}

/** Everything that find(1) tells of a tree, but for times of change. */
function tree(folder: string): string {
  const format = '%P %y %m %U %G %s %T@ %l %n\\n'
  const found = execFileSync('find', [folder, '-mindepth', '1', '-printf', format])
  // A whiteout's times say nothing.
  const lines = found.toString('latin1').split('\n')
  return lines
    .map(line => line.replace(/ c 0 0 0 0 \S+/, ' whiteout'))
    .sort()
    .join('\n')
}

t.test('a tree of every kind', async t => {
  const g = ground(t)
  await g.add(base)
  const upper = await g.add(
    makeTar(
      directory('d/', { mode: 0o700, uid: 1, mtime: 5 }),
      file('d/one', 'changed', { mode: 0o4755, pax: { mtime: '12.000000034' } }),
      file('d/.wh.two'),
      directory('d/sub/', { pax: { 'SCHILY.xattr.user.k': 'v\xff' } }),
      file('d/sub/.wh..wh..opq'),
      hardlink('d/sub/other', 'd/one'),
      file('.wh.f'),
      symlink('s', '/some\xffwhere', { uid: 3 }),
      { path: 'c', flag: '3', major: 5, minor: 1 },
      { path: 'p', flag: '6', mode: 0o600 },
      file('cap', '', {
        pax: {
          'SCHILY.xattr.security.capability': Buffer.from(
            '0100000200040000000000000000000000000000',
            'hex',
          ),
          'SCHILY.xattr.trusted.overlay.opaque': 'y',
        },
      }),
      file('n\xff', 'odd'),
    ),
  )
  const tar = await pack(g, upper)
  t.same(await listing(tar), [
    'c char',
    'cap file',
    'd/ directory',
    'd/one file',
    'd/sub/ directory',
    'd/sub/.wh..wh..opq file',
    'd/sub/other link d/one',
    'd/.wh.two file',
    '.wh.f file',
    'n\xff file',
    'p fifo',
    's symlink /some\xffwhere',
  ])
  t.ok((await pack(g, upper)).equals(tar), 'the same bytes')
  const again = await g.add(tar, { over: g.layers.slice(1) })
  t.equal(tree(again), tree(upper))
  t.equal(xattr(`${again}/d/sub`, 'trusted.overlay.opaque'), 'y')
  t.equal(xattr(`${again}/cap`, 'trusted.overlay.overlay.opaque'), 'y')
  t.equal(xattr(`${again}/cap`, 'trusted.overlay.opaque'), null)
  t.equal(xattr(`${again}/d/sub`, 'user.k'), 'v\xff')
})

t.test('a first layer has its root', async t => {
  const g = ground(t)
  const upper = await g.add(makeTar(directory('./', { mode: 0o710, uid: 4 }), file('f')))
  const tar = await pack(g, upper)
  t.same(await listing(tar), ['./ directory', 'f file'])
  const again = await g.add(tar, { over: [] })
  t.match(fs.statSync(again), { mode: 0o40710, uid: 4 })
})

t.test('what a kernel overlay has written', async t => {
  const g = ground(t)
  const lower = await g.add(base)
  const upper = `${g.outside}/upper`
  const merged = `${g.outside}/merged`
  for (const name of [upper, merged, `${g.outside}/work`]) fs.mkdirSync(name)
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${g.outside}/work`
  const more = 'redirect_dir=on,metacopy=on,index=off'
  execFileSync('mount', ['-t', 'overlay', '-o', `${options},${more}`, 'none', merged])
  try {
    fs.renameSync(`${merged}/d`, `${merged}/moved`)
    fs.renameSync(`${merged}/moved/sub`, `${merged}/moved/inside`)
    fs.writeFileSync(`${merged}/moved/new`, 'new')
    fs.rmSync(`${merged}/moved/two`)
    fs.chmodSync(`${merged}/f`, 0o600)
    fs.renameSync(`${merged}/f`, `${merged}/g`)
    fs.mkdirSync(`${merged}/d`)
    const wanted = tree(merged)
    execFileSync('umount', [merged])
    t.not(xattr(`${upper}/moved`, 'trusted.overlay.redirect'), null, 'it is a redirect')
    t.not(xattr(`${upper}/g`, 'trusted.overlay.metacopy'), null, 'it is a metacopy')
    const tar = await pack(g, upper)
    t.same(
      (await listing(tar)).sort(),
      [
        'd/ directory',
        'd/.wh..wh..opq file',
        '.wh.f file',
        'g file',
        'moved/ directory',
        'moved/.wh..wh..opq file',
        'moved/inside/ directory',
        'moved/inside/four file',
        'moved/inside/three link moved/inside/four',
        'moved/new file',
        'moved/one file',
      ].sort(),
    )
    const layer = await g.add(tar)
    t.equal(fs.readFileSync(`${layer}/g`, 'utf8'), 'lower', 'data from below')
    t.ok(isWhiteout(`${layer}/f`))
    execFileSync('mount', [
      '-t',
      'overlay',
      '-o',
      `lowerdir=${layer}:${lower}`,
      'none',
      merged,
    ])
    t.equal(withoutLinkCounts(tree(merged)), withoutLinkCounts(wanted))
  } finally {
    execFileSync('umount', ['-l', merged])
  }
})

/** A directory's size and link count are its filesystem's affair. */
function withoutLinkCounts(text: string): string {
  return text.replace(/^(\S* d \S+ \S+ \S+) \S+ (\S+) .*$/gm, '$1 $2')
}

t.test('holes stay holes, and sockets stay behind', async t => {
  const g = ground(t)
  const upper = await g.add(makeTar(directory('./')))
  const fd = fs.openSync(`${upper}/sparse`, 'w')
  fs.writeSync(fd, 'begin', 0)
  fs.writeSync(fd, 'end', 1 << 28)
  fs.closeSync(fd)
  execFileSync('python3', [
    '-c',
    `import socket; socket.socket(socket.AF_UNIX).bind('${upper}/sock')`,
  ])
  const tar = await pack(g, upper)
  t.ok(tar.length < 1 << 20, `${tar.length} bytes`)
  const again = await g.add(tar, { over: [] })
  t.same(names(again), ['sparse'])
  t.ok(fs.statSync(`${again}/sparse`).blocks < 64)
  const same = execFileSync('cmp', [`${upper}/sparse`, `${again}/sparse`])
  t.equal(same.length, 0)
})

t.test('other formats', async t => {
  for (const format of ['aufs', 'fuse-overlayfs', 'kernel-user'] as const) {
    const g = ground(t, format)
    await g.add(base)
    const upper = await g.add(
      makeTar(file('.wh.f'), file('d/new', 'x'), file('d/.wh..wh..opq')),
    )
    t.same(
      await listing(await pack(g, upper, format)),
      ['d/ directory', 'd/.wh..wh..opq file', 'd/new file', '.wh.f file'],
      format,
    )
  }
})

t.test('owners that are kept in an attribute', async t => {
  const g = ground(t, 'kernel-user')
  const upper = await g.add(
    makeTar(
      directory('./', { uid: 1, mode: 0o711 }),
      file('f', 'x', { uid: 33, gid: 44, mode: 0o4755 }),
      { path: 'c', flag: '3', major: 1, minor: 3, mode: 0o666 },
    ),
    { owners: 'attribute' },
  )
  const reader = new TarReader(bytesOf(await pack(g, upper, 'kernel-user')))
  t.match(await reader.next(), { path: './', uid: 1, mode: 0o711 })
  t.match(await reader.next(), { path: 'c', type: 'char', devmajor: 1, devminor: 3 })
  const f = await reader.next()
  t.match(f, { path: 'f', uid: 33, gid: 44, mode: 0o4755 })
  t.equal(f?.xattrs.size, 0)
})
