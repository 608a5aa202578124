// Writing tar: what is written is read back the same, by us and by GNU tar, and the same entries
// give the same bytes.
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { bytesOf } from '../../../src/bytes/byte-source.js'
import { formatTime, parseTime } from '../../../src/tar/numbers.js'
import { TarReader } from '../../../src/tar/reader.js'
import { type TarEntry, TarWriter } from '../../../src/tar/writer.js'

const plain: TarEntry = {
  path: 'f',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  size: 0,
  mtime: { sec: 1_000_000_000, nsec: 0 },
  linkname: '',
  devmajor: 0,
  devminor: 0,
  xattrs: new Map(),
}

const entries: readonly (readonly [TarEntry, (string | undefined)?])[] = [
  [{ ...plain, path: 'd/', type: 'directory', mode: 0o1777 }],
  [{ ...plain, path: 'd/f', size: 5, mode: 0o4711 }, 'hello'],
  [{ ...plain, path: 'd/s', type: 'symlink', linkname: '/else/where' }],
  [{ ...plain, path: 'd/h', type: 'link', linkname: 'd/f' }],
  [{ ...plain, path: 'd/c', type: 'char', devmajor: 5, devminor: 1 }],
  [{ ...plain, path: 'd/b', type: 'block', devmajor: 259, devminor: 1048575 }],
  [{ ...plain, path: 'd/p', type: 'fifo' }],
  [{ ...plain, path: `${'p'.repeat(60)}/${'q'.repeat(60)}` }],
  [{ ...plain, path: `${'p'.repeat(150)}/${'q'.repeat(150)}` }],
  [{ ...plain, path: 'bytes \xff\xfe\n', uid: 3_000_000, gid: 2 ** 31 }],
  [{ ...plain, path: 'l', type: 'symlink', linkname: 't'.repeat(300) }],
  [
    {
      ...plain,
      path: 'times',
      mtime: { sec: 12, nsec: 3400 },
      atime: { sec: -1, nsec: 5 },
    },
  ],
  [
    {
      ...plain,
      path: 'xattrs',
      xattrs: new Map([
        ['user.z', Buffer.from('1')],
        ['security.capability', Buffer.from([1, 0, 0, 2, 0xff, 0xfe, 0x0a])],
        ['user.empty', Buffer.alloc(0)],
      ]),
    },
  ],
  [
    {
      ...plain,
      path: 'sparse',
      size: 1 << 30,
      sparse: [
        { offset: 4096, length: 3 },
        { offset: 1 << 20, length: 2 },
      ],
    },
    'abcde',
  ],
]

type Written = readonly (readonly [TarEntry, (string | undefined)?])[]

function write(of: Written): Buffer {
  const writer = new TarWriter()
  const parts: Uint8Array[] = []
  for (const [entry, data] of of) {
    parts.push(writer.header(entry))
    if (data !== undefined) parts.push(writer.data(Buffer.from(data)))
  }
  return Buffer.concat([...parts, writer.end()])
}

t.test('read back the same', async t => {
  const reader = new TarReader(bytesOf(write(entries)))
  for (const [entry, data = ''] of entries) {
    const header = await reader.next()
    const { dataOffset: _, storedSize, ...rest } = header ?? { storedSize: -1 }
    const { xattrs: __, ...said } = entry
    t.match(rest, said, entry.path)
    t.equal(storedSize, data.length)
    const found = [...(header?.xattrs ?? [])].map(([name, value]) => [
      name,
      Buffer.from(value).toString('hex'),
    ])
    const wanted = [...entry.xattrs].map(([name, value]) => [
      name,
      Buffer.from(value).toString('hex'),
    ])
    t.same(found.sort(), wanted.sort())
    let read = ''
    for await (const piece of reader.contents()) read += Buffer.from(piece).toString()
    t.equal(read, data)
  }
  t.equal(await reader.next(), undefined)
})

t.test('a file of more than 8 GB', async t => {
  const writer = new TarWriter()
  const size = 9 * 2 ** 30
  const begin = writer.header({ ...plain, size })
  const header = await new TarReader(bytesOf(begin)).next()
  t.match(header, { size, storedSize: size })
  t.throws(() => writer.end(), RangeError, 'contents are missing')
})

t.test('GNU tar reads it', async t => {
  const listing = execFileSync(
    'tar',
    ['-tvf', '-', '--numeric-owner', '--quoting-style=c'],
    {
      input: write(entries),
      encoding: 'latin1',
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    },
  ).trimEnd()
  const lines = listing.split('\n')
  t.equal(lines.length, entries.length)
  t.match(lines[0], /^drwxrwxrwt 0\/0 .* "d\/"$/)
  t.match(lines[1], /^-rws--x--x 0\/0 +5 2001-09-09 01:46 "d\/f"$/)
  t.match(lines[3], /^hrw-r--r-- .* "d\/h" link to "d\/f"$/)
  t.match(lines[5], /^brw-r--r-- 0\/0 +259,1048575 /)
  t.match(lines[9], /3000000\/2147483648 .* "bytes \\377\\376\\n"$/)
  t.match(lines[13], /1073741824 .* "sparse"$/)
})

t.test('the same bytes for the same entries', async t => {
  t.ok(write(entries).equals(write(entries)))
  const turned = entries.map(([entry, data]) => {
    const xattrs = new Map([...entry.xattrs].reverse())
    return [{ ...entry, xattrs }, data] as const
  })
  t.ok(write(turned).equals(write(entries)), 'whatever the order of attributes')
  t.equal(write([]).length, 1024)
})

t.test('no more contents than said', async t => {
  const writer = new TarWriter()
  writer.header({ ...plain, size: 3 })
  writer.data(Buffer.from('ab'))
  t.throws(() => writer.data(Buffer.from('cd')), RangeError)
})

t.test('times', async t => {
  for (const text of ['0', '12', '-3', '1.5', '-1.5', '0.000000001', '-0.25'])
    t.equal(formatTime(parseTime(text, 'time')), text)
  t.same(parseTime('-0.25', 'time'), { sec: -1, nsec: 750_000_000 })
  for (const text of ['', 'x', '1.x', '1e5', '--1', '9'.repeat(30)])
    t.throws(() => parseTime(text, 'time'), { code: 'malformed' })
})
