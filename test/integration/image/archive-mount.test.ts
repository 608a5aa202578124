// Images mounted from where they lie: the merged tree is that of the same image loaded into a store
// and mounted, whatever the archive is packed with; and what is written goes to a layer above.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { describeMount } from '../../helpers/describe-mount.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink, symlink } from '../../helpers/make-tar.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MUCH = 1 << 28
const root = path.join(scratch(), 'store')
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)

const noise = (bytes: number): string => {
  let state = 1
  const made = Buffer.alloc(bytes)
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    made[i] = state >>> 24
  }
  return made.toString('latin1')
}

/** Entries that only a tar program with --sparse writes. */
function sparseEntries(): Buffer {
  const folder = path.join(scratch(), 'sparse')
  fs.mkdirSync(folder)
  const fd = fs.openSync(`${folder}/holes`, 'w')
  fs.writeSync(fd, 'first', 4096 * 3)
  fs.writeSync(fd, 'second', 4096 * 300)
  fs.ftruncateSync(fd, 4096 * 500 + 17)
  fs.closeSync(fd)
  const args = ['--sparse', '--format=gnu', '--mtime=@1000', '--owner=7', '--group=8']
  const tar = execFileSync('tar', [...args, '-C', folder, '-cf', '-', 'holes'], {
    maxBuffer: MUCH,
  })
  let end = tar.length
  while (end >= 512 && tar.subarray(end - 512, end).every(byte => byte === 0)) end -= 512
  return tar.subarray(0, end)
}

const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')
const image = makeImage([
  [
    directory('./', { mode: 0o751, uid: 3 }),
    directory('etc/', { mode: 0o700, uid: 1, gid: 2 }),
    file('etc/passwd', 'root:x:0:0\n', { mode: 0o640, pax: { mtime: '5.123456789' } }),
    file('etc/gone', 'gone'),
    hardlink('etc/other-name', 'etc/passwd'),
    directory('opaque/'),
    file('opaque/below', 'below'),
    directory('usr/'),
    directory('usr/share/', { mode: 0o2775, pax: { 'SCHILY.xattr.user.note': 'dir' } }),
    file('usr/share/big', noise(3_000_000)),
    file('usr/share/small\xff', 'odd name'),
    file('usr/cap', 'x', {
      mode: 0o4755,
      pax: {
        'SCHILY.xattr.security.capability': CAPABILITY,
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
        'SCHILY.xattr.user.v': Buffer.from([0xff, 0, 1]),
      },
    }),
    symlink('usr/link', '../etc/passwd'),
    { path: 'dev/null', flag: '3', mode: 0o666, major: 1, minor: 3 },
    { path: 'dev/sda', flag: '4', mode: 0o660, gid: 6, major: 8, minor: 0 },
    { path: 'run/fifo', flag: '6', mode: 0o600 },
    directory('replaced/'),
    file('replaced/x', 'x'),
    sparseEntries(),
  ],
  [
    file('etc/.wh.gone'),
    file('etc/shadow', 'in a directory without an entry'),
    hardlink('usr/copy', 'usr/share/big'),
    directory('opaque/'),
    file('opaque/.wh..wh..opq'),
    file('opaque/above', 'above'),
    file('replaced', 'now a file'),
    file('.wh.run'),
    file('usr/share/.wh.absent'),
  ],
  [
    file('usr/share/deep/er/x', 'deep'),
    hardlink('usr/again', 'usr/copy'),
    directory('run/'),
    file('.wh.opaque'),
    directory('opaque/'),
    file('opaque/newest', 'newest'),
  ],
])

const plain = dockerArchive([{ image, tags: ['full:1'] }])
const zstd = (bytes: Buffer): Buffer =>
  execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: MUCH })
/** As seekable zstd is: a frame for each piece. */
const frames = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 500_000)
    parts.push(zstd(bytes.subarray(at, at + 500_000)))
  return Buffer.concat(parts)
}

function write(name: string, bytes: Buffer): string {
  const at = path.join(scratch(), name)
  fs.writeFileSync(at, bytes)
  return at
}

function plyfs(verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', root, ...args], { limit: 60_000 })
}

async function mounted<T>(
  work: () => Promise<T> | T,
  ...args: readonly string[]
): Promise<T> {
  const ran = await plyfs('mount', ...args, point)
  if (ran.status !== 0) throw new Error(`mount ${args.join(' ')}: ${ran.stderr}`)
  try {
    return await work()
  } finally {
    await must('umount', [point])
  }
}

const archive = write('full.tar', plain)
await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
const wanted = await mounted(() => describeMount(point), 'full:1')

for (const [name, bytes] of [
  ['plain', plain],
  ['gzip as a whole', gzipSync(plain)],
  ['gzip layers', dockerArchive([{ image, tags: ['full:1'] }], { gzipLayers: true })],
  ['zstd layers of one frame', dockerArchive([{ image, tags: null }], { pack: zstd })],
  [
    'zstd layers of many frames',
    dockerArchive([{ image, tags: null }], { pack: frames }),
  ],
  ['zstd as a whole', zstd(plain)],
  [
    'gzip in gzip',
    gzipSync(dockerArchive([{ image, tags: null }], { gzipLayers: true })),
  ],
] as const)
  t.test(`a docker archive, ${name}`, async t => {
    const at = write(`${name.replaceAll(' ', '-')}.tar`, bytes)
    for (const turn of ['first', 'second'])
      t.same(
        await mounted(() => describeMount(point), `docker-archive:${at}`),
        wanted,
        `the same tree, the ${turn} time`,
      )
    t.same(await mounted(() => describeMount(point), at), wanted, 'known by content')
  })

t.test('OCI layouts made by skopeo', async t => {
  for (const [kind, compress] of [
    ['oci', 'gzip'],
    ['oci-archive', 'gzip'],
    ['oci', 'zstd'],
  ] as const) {
    const at = path.join(scratch(), `${kind}-${compress}`)
    const how = ['copy', '-q', '--dest-compress-format', compress]
    await must('skopeo', [...how, `docker-archive:${archive}`, `${kind}:${at}:named`], {
      limit: 60_000,
    })
    for (const named of [`${kind}:${at}:named`, `${kind}:${at}`, at])
      t.same(await mounted(() => describeMount(point), named), wanted, named)
  }
})

t.test('holes are holes', async t => {
  await mounted(() => {
    const map = execFileSync('cp', [
      '--sparse=auto',
      `${point}/holes`,
      `${scratch()}/copied`,
    ])
    t.equal(map.length, 0)
    t.ok(fs.statSync(`${scratch()}/copied`).blocks * 512 < 100_000)
  }, archive)
})

t.test('--rw: what is changed is copied up', async t => {
  for (const at of [archive, path.join(scratch(), 'gzip-layers.tar')]) {
    await mounted(
      async () => {
        const before = fs.statSync(`${point}/usr/copy`).ino
        const kept = fs.readFileSync(`${point}/usr/copy`)
        fs.appendFileSync(`${point}/usr/copy`, 'more')
        t.ok(fs.readFileSync(`${point}/usr/again`).subarray(0, -4).equals(kept))
        t.equal(fs.statSync(`${point}/usr/again`).ino, before, 'the names stay one file')
        fs.appendFileSync(`${point}/holes`, 'end')
        const holes = fs.readFileSync(`${point}/holes`)
        t.equal(holes.toString('latin1', 4096 * 300, 4096 * 300 + 6), 'second')
        t.equal(holes.length, 4096 * 500 + 20)
        t.ok(fs.statSync(`${point}/holes`).blocks * 512 < 100_000, 'holes stay holes')
        fs.chmodSync(`${point}/usr/cap`, 0o755)
        fs.renameSync(`${point}/usr/share`, `${point}/usr/moved`)
        fs.unlinkSync(`${point}/etc/passwd`)
        fs.rmSync(`${point}/opaque`, { recursive: true })
        fs.mkdirSync(`${point}/opaque`)
        t.same(fs.readdirSync(`${point}/opaque`), [])
        t.equal(fs.readFileSync(`${point}/etc/other-name`, 'utf8'), 'root:x:0:0\n')
        const caps = await must('getcap', [`${point}/usr/cap`])
        t.match(caps, /cap_net_raw/)
      },
      '--rw',
      at,
    )
  }
  const name = '--rw=kept'
  const ino = await mounted(
    () => {
      fs.appendFileSync(`${point}/usr/copy`, 'more')
      return fs.statSync(`${point}/usr/copy`).ino
    },
    name,
    archive,
  )
  await mounted(
    () => {
      t.equal(fs.statSync(`${point}/usr/copy`).ino, ino, 'its number, at the next mount')
      t.equal(fs.statSync(`${point}/usr/again`).ino, ino)
    },
    name,
    archive,
  )
})

t.test('which, and stats', async t => {
  await mounted(async () => {
    const told = await must(plyfsProgram(), ['which', `${point}/usr/again`])
    t.match(told, new RegExp(`layer +${image.diffIds[2] ?? ''}`))
    t.match(told, /made by +step 3/)
    t.match(told, /file from lower 0/)
    const answer = JSON.parse(
      await must(plyfsProgram(), ['which', '--json', `${point}/etc`]),
    ) as { layers: { diffId: string }[] }
    t.same(
      answer.layers.map(({ diffId }) => diffId),
      [image.diffIds[1], image.diffIds[0]],
    )
    t.match(await must(plyfsProgram(), ['stats', point]), `archive    ${archive}`)
  }, archive)
})

t.test('the index is kept, and made anew for another archive', async t => {
  const at = write('changing.tar', plain)
  const folder = path.join(root, 'archives')
  const seen = (): number =>
    fs.readdirSync(folder).filter(name => name.endsWith('.index')).length
  const before = seen()
  await mounted(() => undefined, at)
  t.equal(seen(), before + 1)
  const reads = async (): Promise<number> => {
    const log = path.join(scratch(), 'strace')
    const args = ['-f', '-qq', '-e', 'trace=pread64', '-y', '-o', log, plyfsProgram()]
    await must('strace', [...args, 'mount', '--root', root, at, point], { limit: 60_000 })
    await must('umount', [point])
    return fs
      .readFileSync(log, 'latin1')
      .split('\n')
      .filter(line => line.includes('changing.tar')).length
  }
  t.ok((await reads()) < 6, 'only documents are read from an archive that is known')
  const other = makeImage([[file('other', 'another image')]])
  fs.writeFileSync(at, dockerArchive([{ image: other, tags: ['o:1'] }]))
  t.same(await mounted(() => fs.readdirSync(point), at), ['other'])
  fs.unlinkSync(at)
  const swept = await plyfs('gc')
  t.match(swept.stdout, /removed index of an archive/)
  t.equal(seen(), before)
})

t.test('several images', async t => {
  const one = makeImage([[file('one')]])
  const two = makeImage([[file('two')]])
  const at = write(
    'several.tar',
    dockerArchive([
      { image: one, tags: ['a:1', 'b/c:2'] },
      { image: two, tags: ['a:2'] },
    ]),
  )
  const unclear = await plyfs('mount', `docker-archive:${at}`, point)
  t.equal(unclear.status, 1)
  t.match(unclear.stderr, /several images: .*a:1.*b\/c:2.*a:2; name one: docker-archive:/)
  t.equal(unclear.stderr.trimEnd().split('\n').length, 1)
  for (const [ref, name] of [
    ['a:1', 'one'],
    ['docker.io/b/c:2', 'one'],
    ['a:2', 'two'],
    [two.id, 'two'],
  ] as const)
    t.same(
      await mounted(() => fs.readdirSync(point), `docker-archive:${at}:${ref}`),
      [name],
      ref,
    )
  const unknown = await plyfs('mount', `docker-archive:${at}:x:1`, point)
  t.match(unknown.stderr, /has no image x:1; it has/)
})

t.test('one zstd frame that is large is unpacked to the store first', async t => {
  const large = makeImage([[file('large', noise(20_000_000)), file('last', 'last')]])
  const at = write(
    'large.tar',
    dockerArchive([{ image: large, tags: null }], { pack: zstd }),
  )
  const first = await plyfs('mount', at, point)
  t.match(first.stderr, /layer sha256:.* is zstd .*: unpacked to the store first/)
  t.equal(first.stderr.trimEnd().split('\n').length, 1)
  t.equal(fs.readFileSync(`${point}/last`, 'utf8'), 'last')
  t.equal(fs.statSync(`${point}/large`).size, 20_000_000)
  await must('umount', [point])
  const second = await plyfs('mount', at, point)
  t.equal(second.stderr, '')
  await must('umount', [point])
})

t.test('what is wrong is refused in one line', async t => {
  const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const ran = await plyfs('mount', ...args, point)
    t.not(ran.status, 0, args.join(' '))
    t.match(ran.stderr, pattern)
    t.equal(ran.stderr.trimEnd().split('\n').length, 1, ran.stderr)
    t.notOk(isMounted(point))
    if (isMounted(point)) await must('umount', [point])
  }
  await refused(/not readable.*cut off/, write('cut.tar', plain.subarray(0, 2_000_000)))
  await refused(
    /not readable/,
    write('cut.tar.gz', gzipSync(plain).subarray(0, 1_000_000)),
  )
  await refused(/is not there/, 'docker-archive:/nowhere.tar')
  await refused(/no image archive/, write('empty.tar', Buffer.alloc(10_240)))
  await refused(/not readable|no image archive/, write('text', Buffer.from(noise(5000))))
  const hostile = (...pieces: Parameters<typeof makeImage>[0][0]): string =>
    write('bad.tar', dockerArchive([{ image: makeImage([pieces]), tags: null }]))
  await refused(/layer sha256:.*entry '\.\.\/x': .*leads out/, hostile(file('../x')))
  await refused(
    /entry 'dev\/x': a character device 0\/0/,
    hostile({ path: 'dev/x', flag: '3' }),
  )
  await refused(/target 'none' does not exist/, hostile(hardlink('x', 'none')))
  await refused(/a whiteout that names nothing/, hostile(file('.wh.')))
})

t.test('--verify=full finds a byte that was changed', async t => {
  for (const [name, bytes] of [
    ['wrong.tar', plain],
    ['wrong-gzip.tar', dockerArchive([{ image, tags: null }], { pack: stored })],
  ] as const) {
    const wrong = Buffer.from(bytes)
    const found = wrong.indexOf('in a directory without an entry')
    wrong[found] = 0x49
    const at = write(name, wrong)
    const ran = await plyfs('mount', '--verify=full', at, point)
    t.not(ran.status, 0)
    t.match(ran.stderr, new RegExp(`layer ${image.diffIds[1] ?? ''}`))
    t.notOk(isMounted(point))
  }
  await mounted(() => undefined, '--verify=full', archive)
})

/** Gzip without compression: its bytes can be found. */
function stored(tar: Buffer): Buffer {
  return gzipSync(tar, { level: 0 })
}

t.test('an archive that changes while it is mounted', async t => {
  const at = write('under.tar', plain)
  await mounted(() => {
    fs.appendFileSync(at, Buffer.alloc(512))
    t.throws(() => fs.readFileSync(`${point}/etc/shadow`), { code: 'EIO' })
  }, at)
})
