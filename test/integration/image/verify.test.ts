// What is mounted is what was unpacked: whatever was done to a layer's files is named, and nothing
// is mounted then; what is the same after all can be recorded anew.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { makeFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink, symlink } from '../../helpers/make-tar.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MARK = 'a text that no other file has, 0123456789'
const image = makeImage([
  [
    directory('etc/'),
    file('etc/hosts', 'localhost\n'),
    file('etc/passwd', 'root:x:0:0\n'),
    directory('usr/'),
    directory('usr/share/'),
    file('usr/share/mark', MARK),
    hardlink('usr/share/again', 'usr/share/mark'),
    symlink('usr/link', 'share/mark'),
  ],
  [file('etc/added', 'by the second layer'), file('etc/.wh.passwd')],
])
const archive = path.join(scratch(), 'image.tar')
fs.writeFileSync(
  archive,
  dockerArchive([{ image, tags: ['small:1'] }], { gzipLayers: true }),
)
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)

function plyfs(root: string, verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', root, ...args], { limit: 60_000 })
}

/** A store with the image; the folders of its layers, base first. */
async function makeStore(root: string): Promise<{ root: string; layers: string[] }> {
  await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
  const hexes = fs.readdirSync(path.join(root, 'layers'))
  const folders = hexes.map(hex => path.join(root, 'layers', hex, 'diff'))
  const base = folders.filter(one => fs.existsSync(path.join(one, 'usr')))
  return { root, layers: [...base, ...folders.filter(one => !base.includes(one))] }
}

let stores = 0
function freshStore(): Promise<{ root: string; layers: string[] }> {
  return makeStore(path.join(scratch(), `store-${++stores}`))
}

/** What a mount says; it is ended at once where there is one. */
async function tryMount(root: string, ...options: string[]): Promise<Ran> {
  const ran = await plyfs(root, 'mount', ...options, 'small:1', point)
  const mounted = isMounted(point)
  if (mounted) await must('umount', [point])
  if (mounted !== (ran.status === 0))
    throw new Error(`status ${ran.status ?? '?'}, ${mounted ? '' : 'not '}mounted`)
  return ran
}

const changes: readonly (readonly [
  name: string,
  what: RegExp,
  change: (base: string) => void,
])[] = [
  [
    'a byte, size and times as they were',
    /: \/etc\/hosts: change time$/m,
    base => {
      const { atime, mtime } = fs.statSync(`${base}/etc/hosts`)
      fs.writeFileSync(`${base}/etc/hosts`, 'localhosT\n')
      fs.utimesSync(`${base}/etc/hosts`, atime, mtime)
    },
  ],
  [
    'a mode',
    /: \/etc\/hosts: mode, change time$/m,
    base => {
      fs.chmodSync(`${base}/etc/hosts`, 0o600)
    },
  ],
  [
    'an owner',
    /: \/usr\/share: owner, group, change time$/m,
    base => {
      fs.chownSync(`${base}/usr/share`, 5, 6)
    },
  ],
  [
    'an added file',
    /: \/usr\/share\/new: added$/m,
    base => {
      fs.writeFileSync(`${base}/usr/share/new`, '')
    },
  ],
  [
    'a removed file',
    /: \/etc\/hosts: missing$/m,
    base => {
      fs.rmSync(`${base}/etc/hosts`)
    },
  ],
  [
    'a removed directory',
    /: \/usr\/share: missing$/m,
    base => {
      fs.rmSync(`${base}/usr/share`, { recursive: true })
    },
  ],
  [
    'another type',
    /: \/usr\/share: type, /m,
    base => {
      fs.rmSync(`${base}/usr/share`, { recursive: true })
      fs.writeFileSync(`${base}/usr/share`, '')
    },
  ],
  [
    'another file in its place',
    /: \/etc\/hosts: (modification time, )?change time, inode$/m,
    base => {
      const { atime, mtime } = fs.statSync(`${base}/etc/hosts`)
      fs.writeFileSync(`${base}/etc/other`, 'localhost\n')
      fs.renameSync(`${base}/etc/other`, `${base}/etc/hosts`)
      fs.utimesSync(`${base}/etc/hosts`, atime, mtime)
    },
  ],
]

t.test('what is as it was unpacked is mounted', async t => {
  const { root } = await freshStore()
  for (const mode of ['quick', 'full', 'none'])
    t.equal((await tryMount(root, `--verify=${mode}`)).status, 0, mode)
  t.equal((await tryMount(root, '--rw=mine')).status, 0, 'with a writable layer')
  const checked = await plyfs(root, 'fsck', '-q')
  t.match(checked, { status: 0, stdout: /no problems/ }, 'fsck finds nothing')
})

t.test('each change is named by --verify=quick, and undone by fsck', async t => {
  const { root, layers } = await freshStore()
  const base = layers[0] ?? ''
  for (const [name, what, change] of changes) {
    change(base)
    const ran = await tryMount(root)
    t.not(ran.status, 0, `${name}: refused`)
    t.match(ran.stderr, what, `${name}: named`)
    t.match(ran.stderr, /^plyfs: layer sha256:[0-9a-f]{64}: /, `${name}: with its layer`)
    t.equal((await tryMount(root, '--verify=none')).status, 0, `${name}: --verify=none`)
    t.match(await plyfs(root, 'fsck', '-q', '--repair'), { status: 0 }, 'repaired')
    t.equal((await tryMount(root)).status, 0, `${name}: mounted after the repair`)
  }
})

t.test('a writable layer is not attached to what is refused', async t => {
  const { root, layers } = await freshStore()
  fs.chmodSync(`${layers[1] ?? ''}/etc/added`, 0o777)
  const ran = await tryMount(root, '--rw=mine')
  t.match(ran, { stderr: /: \/etc\/added: mode, change time$/m })
  t.not(ran.status, 0)
  t.same(fs.readdirSync(`${root}/writable/mine/upper`), [])
  t.same(fs.readdirSync(`${root}/writable/mine/work`), [], 'nobody has prepared it')
})

t.test('a byte changed on the block device is named by --verify=full', async t => {
  const disk = await makeFilesystem('ext4', 64 * 1024 * 1024)
  const { root, layers } = await makeStore(path.join(disk.root, 'store'))
  const file = `${layers[0] ?? ''}/usr/share/mark`
  const before = fs.statSync(file)
  await must('umount', [disk.root])
  const device = `${disk.root}.img`
  const bytes = fs.readFileSync(device)
  const places: number[] = []
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1))
    places.push(at)
  t.equal(places.length, 1, 'the text is in one place on the device')
  const fd = fs.openSync(device, 'r+')
  fs.writeSync(fd, 'A', places[0] ?? 0)
  fs.closeSync(fd)
  await must('mount', ['-o', 'loop', device, disk.root])
  const after = fs.statSync(file)
  t.same(
    [after.ino, after.size, after.mtimeMs, after.ctimeMs],
    [...[before.ino, before.size, before.mtimeMs, before.ctimeMs]],
  )
  t.equal((await tryMount(root, '--verify=quick')).status, 0, 'quick looks at attributes')
  const ran = await tryMount(root, '--verify=full')
  t.not(ran.status, 0)
  t.match(ran.stderr, /: \/usr\/share\/mark: contents$/m)
  t.match(ran.stderr, /: \/usr\/share\/again: contents$/m, 'under both its names')
  t.match(await plyfs(root, 'fsck', '-q', '--repair'), { status: 0 })
  t.equal((await tryMount(root, '--verify=full')).status, 0, 'unpacked anew')
})

t.test('a copied store is recorded anew by fsck --repair', async t => {
  const { root } = await freshStore()
  const copy = `${root}-copy`
  await must('cp', ['-a', root, copy])
  const ran = await tryMount(copy)
  t.not(ran.status, 0)
  t.match(ran.stderr, /: \/etc\/hosts: change time, inode$/m)
  t.match(ran.stderr, /If the store was copied, 'plyfs fsck --repair'/)
  const looked = await plyfs(copy, 'fsck', '-q')
  t.match(looked, { status: 1, stdout: /their record is not: \/: change time, inode/ })
  const repaired = await plyfs(copy, 'fsck', '-q', '--repair')
  t.match(repaired, { status: 0, stdout: /recorded anew/ })
  for (const mode of ['quick', 'full'])
    t.equal((await tryMount(copy, `--verify=${mode}`)).status, 0, mode)
  t.match(await plyfs(copy, 'fsck', '-q'), { status: 0, stdout: /no problems/ })
})

t.test('a copy that is not the same is not recorded', async t => {
  const { root, layers } = await freshStore()
  const copy = `${root}-copy`
  await must('cp', ['-a', root, copy])
  const file = `${copy}${(layers[0] ?? '').slice(root.length)}/etc/hosts`
  const { atime, mtime } = fs.statSync(file)
  fs.writeFileSync(file, 'localhosT\n')
  fs.utimesSync(file, atime, mtime)
  const repaired = await plyfs(copy, 'fsck', '-q', '--repair')
  t.match(repaired, { status: 0, stdout: /\/etc\/hosts: contents \(unpacked anew\)/ })
  t.equal(fs.readFileSync(file, 'utf8'), 'localhost\n')
  t.equal((await tryMount(copy, '--verify=full')).status, 0)
})

t.test('layers that were unpacked before there were records', async t => {
  const { root, layers } = await freshStore()
  const records = layers.map(layer => layer.replace(/diff$/, 'inventory'))
  for (const record of records) fs.rmSync(record)
  t.match(await plyfs(root, 'fsck', '-q'), {
    status: 1,
    stdout: /no record of its entries/,
  })
  t.equal((await tryMount(root)).status, 0, 'are compared with their blobs and recorded')
  t.equal(
    records.every(record => fs.existsSync(record)),
    true,
  )
  for (const record of records) fs.rmSync(record)
  fs.writeFileSync(`${layers[0] ?? ''}/etc/hosts`, 'localhosT\n')
  const ran = await tryMount(root)
  t.not(ran.status, 0)
  t.match(ran.stderr, /not as its blob has it: \/etc\/hosts: /)
})

t.test('a record that is damaged is not believed', async t => {
  const { root, layers } = await freshStore()
  const record = (layers[0] ?? '').replace(/diff$/, 'inventory')
  const bytes = fs.readFileSync(record)
  for (const damaged of [
    Buffer.alloc(0),
    bytes.subarray(0, 40),
    Buffer.from(bytes).fill(1, 100, 101),
  ]) {
    fs.writeFileSync(record, damaged)
    const ran = await tryMount(root)
    t.not(ran.status, 0)
    t.match(ran.stderr, /the record of its entries is damaged/)
  }
  t.match(await plyfs(root, 'fsck', '-q', '--repair'), { status: 0 })
  t.equal((await tryMount(root)).status, 0)
})
