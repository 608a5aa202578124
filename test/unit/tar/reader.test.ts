// Reading tar: every dialect that images come in, whatever pieces the bytes come in, and an error
// that names the entry for what is no archive.
import t, { type Test } from 'tap'
import { bytesOf, type ByteSource } from '../../../src/bytes/byte-source.js'
import type { TarHeader } from '../../../src/tar/entry.js'
import { defaultTarLimits, type TarLimits } from '../../../src/tar/limits.js'
import { TarReader } from '../../../src/tar/reader.js'
import {
  directory,
  entryOf,
  file,
  hardlink,
  makeTar,
  paxRecords,
  symlink,
} from '../../helpers/make-tar.js'

type Read = TarHeader & { readonly data: string }

async function* inPieces(bytes: Buffer, size: number): ByteSource {
  // One buffer for all: what is kept of a piece must have been copied.
  const piece = Buffer.alloc(size)
  for (let at = 0; at < bytes.length; at += size)
    yield piece.subarray(0, bytes.copy(piece, 0, at))
}

async function readAll(source: ByteSource, limits?: TarLimits): Promise<Read[]> {
  const reader = new TarReader(source, limits)
  const entries: Read[] = []
  for (;;) {
    const header = await reader.next()
    if (header === undefined) return entries
    let data = ''
    for await (const piece of reader.contents()) data += Buffer.from(piece).latin1Slice()
    entries.push({ ...header, data })
  }
}

const read = (tar: Buffer): Promise<Read[]> => readAll(bytesOf(tar))

/** The one entry of an archive. */
async function only(t: Test, tar: Buffer): Promise<Read> {
  const [entry, ...rest] = await read(tar)
  t.same(rest, [])
  if (entry === undefined) throw new Error('no entry')
  return entry
}

t.test('plain entries of every type', async t => {
  const tar = makeTar(
    directory('d/', { mode: 0o1777, uid: 5, gid: 7 }),
    file('d/f', 'contents', { mode: 0o4755, mtime: 12345 }),
    symlink('d/s', '../target'),
    hardlink('d/h', 'd/f'),
    { path: 'd/c', flag: '3', major: 4, minor: 64 },
    { path: 'd/b', flag: '4', major: 8, minor: 1 },
    { path: 'd/p', flag: '6' },
    file('d/contiguous', 'x', { flag: '7' }),
  )
  const entries = await read(tar)
  t.same(
    entries.map(({ path, type }) => [path, type]),
    [
      ['d/', 'directory'],
      ['d/f', 'file'],
      ['d/s', 'symlink'],
      ['d/h', 'link'],
      ['d/c', 'char'],
      ['d/b', 'block'],
      ['d/p', 'fifo'],
      ['d/contiguous', 'file'],
    ],
  )
  const [d, f, s, , c] = entries
  t.match(d, { mode: 0o1777, uid: 5, gid: 7 })
  t.match(f, { mode: 0o4755, size: 8, storedSize: 8, mtime: { sec: 12345, nsec: 0 } })
  t.equal(f?.data, 'contents')
  t.equal(f?.dataOffset, 1024)
  t.equal(s?.linkname, '../target')
  t.match(c, { devmajor: 4, devminor: 64 })
})

t.test('whatever pieces the bytes come in', async t => {
  const tar = makeTar(
    file('a', 'x'.repeat(700)),
    file('short', 'named', {
      pax: { path: 'l'.repeat(300), 'SCHILY.xattr.user.k': 'v' },
    }),
    directory('d/'),
    file('z', ''),
  )
  const whole = await read(tar)
  t.equal(whole.length, 4)
  for (const size of [1, 511, 512, 513, 1000, 4096])
    t.same(await readAll(inPieces(tar, size)), whole, `pieces of ${size}`)
})

t.test('contents that nobody reads are passed over', async t => {
  const tar = makeTar(file('a', 'x'.repeat(3000)), file('b', 'yes'), file('c', 'c'))
  for (const size of [100, 100_000]) {
    const reader = new TarReader(inPieces(tar, size))
    await reader.next()
    t.equal((await reader.next())?.path, 'b')
    await reader.read()
    t.equal((await reader.next())?.path, 'c')
    t.equal(await reader.next(), undefined)
    t.equal(await reader.next(), undefined, 'and stays so')
  }
})

t.test('PAX records stand over the header', async t => {
  const pax = {
    path: 'names/\xff\xfe',
    linkpath: 'to/\x80',
    size: '5',
    uid: '3000000',
    gid: '4000000',
    uname: 'n\xc3\xa9',
    mtime: '-1.5',
    atime: '10.123456789123',
    ctime: '20',
    'SCHILY.xattr.security.capability': Buffer.from([1, 0, 0, 2, 0xff, 0xfe, 0x0a, 0x3d]),
    'SCHILY.xattr.user.empty': '',
    comment: 'nothing',
  }
  const entry = await only(t, makeTar(file('x', 'hello', { pax, size: 5 })))
  t.match(entry, { path: 'names/\xff\xfe', linkname: 'to/\x80', size: 5, data: 'hello' })
  t.match(entry, { uid: 3_000_000, gid: 4_000_000, uname: 'n\xc3\xa9' })
  t.same(entry.mtime, { sec: -2, nsec: 500_000_000 })
  t.same(entry.atime, { sec: 10, nsec: 123_456_789 })
  t.same(entry.ctime, { sec: 20, nsec: 0 })
  t.same(
    [...entry.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
    [
      ['security.capability', '01000002fffe0a3d'],
      ['user.empty', ''],
    ],
  )
})

t.test('global records hold until they are taken back', async t => {
  const global = (records: Record<string, string>): Buffer =>
    entryOf({ path: 'g', flag: 'g', data: paxRecords(records) })
  const entries = await read(
    makeTar(
      global({ uid: '77', comment: 'of git' }),
      file('a'),
      file('b', '', { pax: { uid: '5' } }),
      file('c'),
      global({ uid: '' }),
      file('d', '', { uid: 9 }),
    ),
  )
  t.same(
    entries.map(({ uid }) => uid),
    [77, 5, 77, 9],
  )
})

t.test('GNU names, numbers and times', async t => {
  const long = 'd/'.repeat(100) + 'f'
  const target = 't'.repeat(200)
  const tar = makeTar(
    { path: '././@LongLink', flag: 'K', data: `${target}\0`, magic: 'gnu' },
    { path: '././@LongLink', flag: 'L', data: `${long}\0`, magic: 'gnu' },
    symlink('cut', 'cut', {
      magic: 'gnu',
      uid: 3_000_000,
      mtime: -5,
      edit: block => block.write('00000000012\0', 345, 12, 'latin1'),
    }),
    { path: 'label', flag: 'V', magic: 'gnu' },
    { path: 'dumped/', flag: 'D', data: 'Yname\0', magic: 'gnu' },
    file('after'),
  )
  const [link, dumped, after] = await read(tar)
  t.match(link, { path: long, linkname: target, uid: 3_000_000, mtime: { sec: -5 } })
  t.same(link?.atime, { sec: 10, nsec: 0 })
  t.match(dumped, { path: 'dumped/', type: 'directory', size: 0 })
  t.equal(after?.path, 'after')
})

t.test('ustar prefixes, and V7', async t => {
  const prefixed = file('name', '', {
    edit: block => block.write('some/prefix', 345, 'latin1'),
  })
  t.equal((await only(t, makeTar(prefixed))).path, 'some/prefix/name')
  const old = file('dir/', '', {
    magic: 'v7',
    flag: '\0',
    edit: prefixed.edit ?? (() => 0),
  })
  t.match(await only(t, makeTar(old)), { path: 'dir/', type: 'directory' })
})

t.test('a file of more than 8 GB', async t => {
  const size = 9 * 2 ** 30
  async function* endless(): ByteSource {
    yield entryOf({ path: 'big', size })
    const piece = Buffer.alloc(1 << 26)
    for (let left = size; left > 0; left -= piece.length) yield piece
    yield makeTar(file('behind it'))
  }
  const reader = new TarReader(endless())
  t.equal((await reader.next())?.size, size)
  t.equal((await reader.next())?.path, 'behind it')
})

t.test('sparse files in all four forms', async t => {
  const runs = [
    { offset: 0, length: 3 },
    { offset: 10_000, length: 2 },
  ]
  const check = async (name: string, tar: Buffer): Promise<void> => {
    const entry = await only(t, tar)
    t.match(entry, { path: 'sparse', size: 20_000, storedSize: 5, data: 'abcde' }, name)
    t.same(entry.sparse, runs)
  }
  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
  await check(
    'old',
    makeTar(
      file('sparse', 'abcde', {
        flag: 'S',
        magic: 'gnu',
        edit: block => {
          const map = [0, 3, 10_000, 2, 20_000, 0].map(octal).join('')
          block.write(map, 386, 'latin1')
          block.write(octal(20_000), 483, 'latin1')
        },
      }),
    ),
  )
  const pairs = entryOf({
    path: 'x',
    flag: 'x',
    data: Buffer.concat([
      paxRecords({ 'GNU.sparse.size': '20000', 'GNU.sparse.numblocks': '2' }),
      paxRecords({ 'GNU.sparse.offset': '0', 'GNU.sparse.numbytes': '3' }),
      paxRecords({ 'GNU.sparse.offset': '10000', 'GNU.sparse.numbytes': '2' }),
    ]),
  })
  await check('0.0', makeTar(pairs, file('sparse', 'abcde')))
  await check(
    '0.1',
    makeTar(
      file('GNUSparseFile.0/sparse', 'abcde', {
        pax: {
          'GNU.sparse.name': 'sparse',
          'GNU.sparse.size': '20000',
          'GNU.sparse.map': '0,3,10000,2',
        },
      }),
    ),
  )
  const map = Buffer.alloc(512)
  map.write('3\n0\n3\n10000\n2\n20000\n0\n')
  await check(
    '1.0',
    makeTar(
      file('GNUSparseFile.0/sparse', '', {
        data: Buffer.concat([map, Buffer.from('abcde')]),
        pax: {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'sparse',
          'GNU.sparse.realsize': '20000',
        },
      }),
    ),
  )
})

t.test('an old sparse map that goes on in blocks of its own', async t => {
  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
  const pair = (i: number): string => octal(i * 1000) + octal(1)
  const extension = Buffer.alloc(512)
  extension.write(pair(4) + pair(5), 0, 'latin1')
  const header = entryOf({
    path: 'sparse',
    flag: 'S',
    magic: 'gnu',
    size: 6,
    edit: block => {
      block.write([0, 1, 2, 3].map(pair).join(''), 386, 'latin1')
      block[482] = 1
      block.write(octal(9000), 483, 'latin1')
    },
  })
  const data = Buffer.alloc(512)
  data.write('abcdef')
  const tar = makeTar(header, extension, data, file('next'))
  for (const size of [100, 10_000]) {
    const [entry, next] = await readAll(inPieces(tar, size))
    t.match(entry, { size: 9000, storedSize: 6, data: 'abcdef' })
    t.equal(entry?.sparse?.length, 6)
    t.equal(next?.path, 'next')
  }
})

t.test('ends', async t => {
  t.same(await read(Buffer.alloc(0)), [], 'nothing at all')
  t.same(await read(Buffer.alloc(1024)), [], 'an empty archive')
  t.equal((await read(entryOf(file('a', 'x')))).length, 1, 'no end blocks')
  t.equal((await read(makeTar(file('a')).subarray(0, 1024))).length, 1, 'one end block')
  let asked = 0
  async function* padded(): ByteSource {
    yield makeTar(file('a'))
    for (; asked < 5; asked++) yield Buffer.alloc(10_240, 'x')
  }
  t.equal((await readAll(padded())).length, 1, 'anything behind the end')
  t.equal(asked, 5, 'which is read, since digests cover it')
})

t.test('what is no archive', async t => {
  const refused = (tar: Buffer, code: string, message: RegExp, entry?: string) =>
    t.rejects(read(tar), { code, message, ...(entry === undefined ? {} : { entry }) })
  const whole = makeTar(file('one', 'x'.repeat(600)), file('two', 'y'))
  await refused(whole.subarray(0, 900), 'truncated', /contents/, 'one')
  await refused(whole.subarray(0, 1700), 'truncated', /header is cut/, 'one')
  await refused(entryOf({ path: 'x', flag: 'x' }), 'truncated', /extended/)
  await refused(
    entryOf({ path: 'x', flag: 'x', data: 'y'.repeat(600) }).subarray(0, 700),
    'truncated',
    /extended/,
  )
  const broken = Buffer.from(whole)
  broken[1540] = 0x41
  await refused(broken, 'malformed', /checksum/)
  await refused(makeTar(Buffer.alloc(512), file('a')), 'malformed', /zero block/)
  await refused(makeTar(file('door', '', { flag: 'Q' })), 'unsupported', /'Q'/, 'door')
  await refused(makeTar(file('neg', '', { size: -5 })), 'malformed', /size/, 'neg')
  await refused(
    makeTar(file('nul', '', { pax: { path: 'a\0b' } })),
    'malformed',
    /NUL/,
    'a\0b',
  )
  const digits = (block: Buffer): unknown => block.write('12x45\0\0\0', 108, 'latin1')
  await refused(makeTar(file('uid', '', { edit: digits })), 'malformed', /uid/, 'uid')
  const huge = (block: Buffer): unknown => block.fill(0xff, 124, 136).fill(0xbf, 124, 125)
  await refused(makeTar(file('huge', '', { edit: huge })), 'malformed', /size/, 'huge')
  for (const record of ['5 a=b\n', 'x', '99 a=b\n', '6 ab\n', '6 a=bc', '6 =ab\n'])
    await refused(
      makeTar(entryOf({ path: 'x', flag: 'x', data: record }), file('a')),
      'malformed',
      /PAX/,
    )
})

t.test('sparse maps that lie', async t => {
  const sparse = (map: string, size: string, data: string): Buffer =>
    makeTar(file('s', data, { pax: { 'GNU.sparse.size': size, 'GNU.sparse.map': map } }))
  for (const map of ['0,3,2,2', '0,5,999999,0', '0,4', '5,-5,0,5', '0,6', '0', 'a,b'])
    await t.rejects(read(sparse(map, '100', 'abcde')), { code: 'malformed', entry: 's' })
  t.equal(
    (await read(sparse('100,0', '100', '')))[0]?.size,
    100,
    'a hole and nothing else',
  )
})

t.test('limits', async t => {
  const limited = (limits: Partial<TarLimits>, tar: Buffer) =>
    t.rejects(readAll(bytesOf(tar), { ...defaultTarLimits, ...limits }), {
      code: 'limit',
    })
  await limited({ entries: 2 }, makeTar(file('a'), file('b'), file('c')))
  await limited({ totalBytes: 5 }, makeTar(file('a', 'abc'), file('b', 'abc')))
  await limited({ fileBytes: 5 }, makeTar(file('a', 'abcdef')))
  await limited({ pathBytes: 5 }, makeTar(file('abcdef')))
  await limited({ pathBytes: 5 }, makeTar(symlink('a', 'abcdef')))
  await limited(
    { headerBytes: 100 },
    makeTar(file('a', '', { pax: { comment: 'x'.repeat(200) } })),
  )
  const many = Array.from({ length: 20 }, () =>
    entryOf({ path: 'g', flag: 'g', data: paxRecords({ comment: 'x'.repeat(300) }) }),
  )
  await limited({ headerBytes: 1024 }, makeTar(...many, file('a')))
})
