// One image by every driver: the same tree, the same changes kept, nothing left behind.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { makeFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import {
  directory,
  file,
  hardlink,
  symlink,
  type TarPiece,
} from '../../helpers/make-tar.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { refusing } from '../../helpers/refuse-calls.js'
import { must, run, type Ran } from '../../helpers/run.js'
import { describeWhole } from '../../helpers/whole-tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const DRIVERS = ['plyfs', 'overlay2', 'aufs', 'vfs', 'btrfs', 'block'] as const
const MIB = 1024 * 1024

const xattr = (name: string, value: string): { pax: Record<string, string> } => ({
  pax: { [`SCHILY.xattr.${name}`]: value, mtime: '1234567890.123456789' },
})
/** A file of 40 MB with a little in it, as GNU tar writes it. */
const sparse: TarPiece = {
  path: 'GNUSparse/big',
  data: 'begin'.padEnd(4096, 'x') + 'end'.padEnd(4096, 'y'),
  pax: {
    'GNU.sparse.name': 'big',
    'GNU.sparse.size': String(40 * MIB),
    'GNU.sparse.numblocks': '2',
    'GNU.sparse.map': `0,4096,${20 * MIB},4096`,
  },
}
const long = 'n'.repeat(255)
const image = makeImage([
  [
    directory('etc/', xattr('user.dir', 'one')),
    file('etc/hosts', 'localhost\n', { uid: 12, gid: 34, mode: 0o640 }),
    file('etc/gone', 'gone'),
    file('etc/one', 'linked'),
    hardlink('etc/two', 'etc/one'),
    hardlink('three', 'etc/one'),
    directory('opaque/'),
    file('opaque/below', 'hidden'),
    directory('opaque/deep/'),
    file('opaque/deep/er', 'hidden'),
    directory('becomes-file/'),
    file('becomes-file/x', 'x'),
    file('becomes-directory', 'x'),
    directory('tmp/', { mode: 0o1777 }),
    directory('group/', { mode: 0o2775, gid: 50 }),
    sparse,
    symlink('link', '../out/of/here'),
  ],
  [
    file('etc/.wh.gone'),
    hardlink('etc/across', 'etc/hosts'),
    hardlink('far/away/name', 'etc/hosts'),
    file('opaque/.wh..wh..opq'),
    file('opaque/above', 'seen'),
    directory('opaque/deep/', { mode: 0o700 }),
    file('becomes-file', 'now'),
    directory('becomes-directory/'),
    file('becomes-directory/y', 'y'),
    file('odd \xff\xfe name\n', 'bytes'),
    file(`group/${'m'.repeat(80)}`, '', { mode: 0o4755, ...xattr('user.x', 'value') }),
    { path: 'x', data: long, pax: { path: `group/${long}` } },
    { path: 'group/fifo', flag: '6', mode: 0o600 },
    { path: 'group/null', flag: '3', major: 1, minor: 3, mode: 0o666 },
    { path: 'group/disk', flag: '4', major: 8, minor: 1, uid: 5 },
    file('group/cap', 'x', {
      pax: {
        'SCHILY.xattr.security.capability': Buffer.from(
          '0100000200040000000000000000000000000000',
          'hex',
        ),
      },
    }),
    // The store keeps it escaped, and every driver shows it as it was.
    file('group/author', 'x', xattr('user.overlay', 'no prefix')),
  ],
  [
    directory('etc/', { mode: 0o711, ...xattr('user.dir', 'three') }),
    file('etc/two', 'no link any more'),
    file('.wh.three'),
    file('etc/gone', 'back again'),
    directory('tmp/', { mode: 0o1777, uid: 7 }),
  ],
])
const archive = path.join(scratch(), 'image.tar')
fs.writeFileSync(archive, dockerArchive([{ image, tags: ['all:1'] }]))
const btrfs = await makeFilesystem('btrfs', 3072 * MIB)
const store = path.join(btrfs.root, 'store')
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)
await must(plyfsProgram(), ['load', '-q', '--root', store, '-i', archive])

function plyfs(verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', store, ...args], { limit: 60_000 })
}

async function umount(): Promise<void> {
  await must('umount', [point])
}

/** Until a condition holds that another process brings about. */
async function until(holds: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 20_000
  while (!holds() && Date.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  return holds()
}

/** Loop devices of the store's files. */
function loops(): string[] {
  return fs
    .readdirSync('/sys/block')
    .map(name => `/sys/block/${name}/loop/backing_file`)
    .filter(name => fs.existsSync(name))
    .map(name => fs.readFileSync(name, 'utf8').trim())
    .filter(name => name.startsWith(scratch()) && name.endsWith('/disk'))
}

/** What may not be left: unnamed layers, uses, half-made things, devices. */
function leftovers(root = store): string[] {
  const passing = fs.existsSync(`${root}/writable`)
    ? fs.readdirSync(`${root}/writable`).filter(name => name.startsWith('.'))
    : []
  const used = fs.readdirSync(`${root}/uses`)
  const incoming = fs.readdirSync(`${root}/incoming`)
  return [...passing, ...used, ...incoming, ...loops()]
}

t.test('the same tree by every driver', async t => {
  let expected: string[] = []
  for (const driver of DRIVERS) {
    const ran = await plyfs('mount', `--driver=${driver}`, 'all:1', point)
    t.equal(ran.status, 0, `${driver}${ran.stderr}`)
    const found = describeWhole(point)
    if (driver === 'plyfs') expected = found
    t.strictSame(found, expected, driver)
    t.throws(() => fs.writeFileSync(`${point}/etc/new`, ''), { code: 'EROFS' }, driver)
    const stat = fs.statSync(`${point}/big`)
    t.equal(stat.size, 40 * MIB)
    t.ok(stat.blocks * 512 < MIB, 'holes are holes')
    await must(plyfsProgram(), ['umount', point])
    t.notOk(isMounted(point))
  }
  t.ok(expected.length > 30)
  t.ok(await until(() => leftovers().length === 0), 'nothing is left', {
    left: leftovers(),
  })
})

function change(): void {
  fs.writeFileSync(`${point}/etc/hosts`, 'changed\n')
  fs.unlinkSync(`${point}/etc/gone`)
  fs.rmSync(`${point}/opaque/deep`, { recursive: true })
  fs.mkdirSync(`${point}/opaque/new`)
  fs.writeFileSync(`${point}/opaque/new/file`, 'new')
  fs.rmSync(`${point}/becomes-directory`, { recursive: true })
  fs.mkdirSync(`${point}/becomes-directory`)
  fs.chmodSync(`${point}/tmp`, 0o755)
  const time = new Date('2020-02-03T04:05:06Z')
  for (const name of ['.', 'etc', 'etc/hosts', 'opaque', 'opaque/new/file'])
    fs.utimesSync(`${point}/${name}`, time, time)
  for (const name of ['opaque/new', 'becomes-directory'])
    fs.utimesSync(`${point}/${name}`, time, time)
}

/** The spellings of AUFS have no place for what keeps names together that a change reaches. */
function withoutLinked(lines: readonly string[]): string[] {
  return lines.filter(line => !/^\.\/(etc\/(across|hosts)|far\/away\/name) /.test(line))
}

t.test('what is written is kept by name, and told by diff', async t => {
  let expected: string[] = []
  let told: string[] = []
  for (const driver of DRIVERS) {
    const how = [`--driver=${driver}`, `--rw=kept-${driver}`, 'all:1', point]
    t.equal((await plyfs('mount', ...how)).stderr, '', driver)
    change()
    const changed = describeWhole(point)
    const comparable = driver === 'aufs' ? withoutLinked(changed) : changed
    const live = await plyfs('diff', point)
    t.equal(live.stderr, '', driver)
    await umount()
    const again = await plyfs('mount', ...how)
    t.equal(again.status, 0, `${driver}${again.stderr}`)
    const found = describeWhole(point)
    t.strictSame(
      driver === 'aufs' ? withoutLinked(found) : found,
      comparable,
      `${driver} has it again`,
    )
    await umount()
    if (driver === 'plyfs') expected = changed
    t.strictSame(
      comparable,
      driver === 'aufs' ? withoutLinked(expected) : expected,
      `${driver} as plyfs`,
    )
    const lines = live.stdout.trimEnd().split('\n')
    for (const line of [
      ...['C /etc', 'C /etc/hosts', 'D /etc/gone', 'C /opaque', 'A /opaque/new'],
      ...['A /opaque/new/file', 'D /opaque/deep', 'D /becomes-directory/y', 'C /tmp'],
      ...(driver === 'aufs' ? [] : ['C /etc/across', 'C /far', 'C /far/away/name']),
    ])
      t.ok(lines.includes(line), `${driver}: ${line}`, { lines })
    t.notOk(
      lines.some(line => /\/big|\/link|\/group/.test(line)),
      'and no more',
    )
    if (driver === 'plyfs') told = lines
    t.strictSame(
      lines,
      told.filter(line => driver !== 'aufs' || !/^C \/(etc\/across|far)/.test(line)),
      `${driver} tells what plyfs tells`,
    )
  }
  t.ok(await until(() => leftovers().length === 0), 'nothing is left', {
    left: leftovers(),
  })
})

t.test('diff tells the same of a layer that is not mounted', async t => {
  const resting = await Promise.all(
    ['vfs', 'btrfs', 'block'].map(
      async kind => (await plyfs('diff', `kept-${kind}`)).stdout,
    ),
  )
  t.match(resting[0], /^C \/etc$/m)
  t.strictSame(new Set(resting).size, 1)
})

t.test('a kernel that takes no layers one by one gets them as a string', async t => {
  const [filter, which] = refusing(scratch(), 'fsconfig')
  const args = ['mount', '--root', store, '--driver=overlay2', '--rw', 'all:1', point]
  const ran = await run(filter, [which, plyfsProgram(), ...args])
  t.equal(ran.stderr, '')
  t.equal(fs.readFileSync(`${point}/etc/gone`, 'utf8'), 'back again')
  fs.unlinkSync(`${point}/etc/gone`)
  await umount()
  t.ok(await until(() => leftovers().length === 0), 'nothing is left', {
    left: leftovers(),
  })
})

t.test('a mount that cannot be taken from its first place is not removed', async t => {
  const how = ['--driver=overlay2', '--rw=kept-overlay2', 'all:1', point]
  const [filter, which] = refusing(scratch(), 'unmount')
  const mount = [plyfsProgram(), 'mount', '--root', store, ...how]
  const ran = await run(filter, [which, ...mount], { limit: 20_000 })
  t.match(ran.stderr, /^plyfs: cannot unmount [^\n]+: EPERM[^\n]+; [^\n]+\n$/)
  t.notOk(isMounted(point))
  const [place = ''] = fs.readdirSync(`${store}/incoming`)
  t.ok(isMounted(`${store}/incoming/${place}`))
  const gc = await plyfs('gc')
  t.match(gc.stderr, /EXDEV/, 'nor by gc')
  t.ok(fs.existsSync(`${store}/incoming/${place}/etc/hosts`))
  await must('umount', [`${store}/incoming/${place}`])
  await plyfs('gc')
  t.strictSame(leftovers(), [])
  t.equal((await plyfs('mount', ...how)).stderr, '')
  t.equal(fs.readFileSync(`${point}/etc/hosts`, 'utf8'), 'changed\n')
  await umount()
})

t.test('a layer that was made by aufs is spelt so', async t => {
  const upper = `${store}/writable/kept-aufs/upper`
  t.ok(fs.existsSync(`${upper}/etc/.wh.gone`))
  t.ok(fs.existsSync(`${upper}/becomes-directory/.wh..wh..opq`))
  for (const name of ['.wh..wh.plnk', '.wh..wh.orph', '.wh..wh.aufs'])
    fs.mkdirSync(`${upper}/${name}`)
  const how = ['--driver=aufs', '--rw=kept-aufs', 'all:1', point]
  t.equal((await plyfs('mount', ...how)).status, 0)
  t.notOk(fs.readdirSync(point).some(name => name.startsWith('.wh.')))
  t.throws(() => fs.statSync(`${point}/.wh..wh.plnk`), { code: 'ENOENT' })
  await umount()
})

t.test('plyfs and overlay2 go on with the layers of each other', async t => {
  for (const [driver, layer] of [
    ['plyfs', 'kept-overlay2'],
    ['overlay2', 'kept-plyfs'],
  ] as const) {
    const how = [`--driver=${driver}`, `--rw=${layer}`, 'all:1', point]
    t.equal((await plyfs('mount', ...how)).stderr, '')
    t.equal(fs.readFileSync(`${point}/etc/hosts`, 'utf8'), 'changed\n')
    t.strictSame(fs.readdirSync(`${point}/becomes-directory`), [])
    await umount()
  }
  const refused = await plyfs('mount', '--driver=vfs', '--rw=kept-btrfs', 'all:1', point)
  t.match(
    refused.stderr,
    /^plyfs: the writable layer kept-btrfs was made by --driver=btrfs; /,
  )
  t.notOk(isMounted(point))
})

t.test('--rw goes with the mount; gc takes what a killed one has left', async t => {
  for (const driver of ['overlay2', 'btrfs', 'block']) {
    const how = ['--rw', `--driver=${driver}`, 'all:1', point]
    t.equal((await plyfs('mount', ...how)).stderr, '', driver)
    fs.writeFileSync(`${point}/new`, 'new')
    await must('umount', [point])
    t.ok(await until(() => leftovers().length === 0), `${driver} cleans up`, {
      left: leftovers(),
    })
    t.equal((await plyfs('mount', ...how)).stderr, '', driver)
    const [use = ''] = fs.readdirSync(`${store}/uses`)
    process.kill(Number(use.split('-')[1]), 'SIGKILL')
    t.match((await plyfs('rmi', '-f', 'all:1')).stderr, /in use by mount/, driver)
    await plyfs('gc')
    fs.writeFileSync(`${point}/new`, 'still mounted')
    await must('umount', [point])
    let said = ''
    for (let i = 0; i < 50 && !said.includes('writable layer'); i++)
      said = (await plyfs('gc')).stdout
    t.match(said, /removed writable layer \.passing-/, driver)
    t.ok(await until(() => leftovers().length === 0), `${driver} is cleaned up`, {
      left: leftovers(),
    })
  }
})

/** The process that stands for the mount of the store. */
function holder(): number {
  const [use = ''] = fs.readdirSync(`${store}/uses`)
  return Number(use.split('-')[1])
}

t.test('what was unmounted lazily is in use until its last user has gone', async t => {
  for (const driver of ['overlay2', 'vfs', 'btrfs', 'block']) {
    for (const end of [
      () => must('umount', ['-l', point]),
      () => must('kill', [String(holder())]),
    ]) {
      const how = ['--rw', `--driver=${driver}`, 'all:1', point]
      t.equal((await plyfs('mount', ...how)).stderr, '', driver)
      fs.writeFileSync(`${point}/new`, 'written before')
      const inside = fs.openSync(point, 'r')
      await end()
      t.ok(await until(() => !isMounted(point)), `${driver} is out of sight`)
      t.match((await plyfs('rmi', '-f', 'all:1')).stderr, /in use by mount/, driver)
      const gc = await plyfs('gc')
      t.notMatch(gc.stdout, /writable layer/, driver)
      const below = `/proc/self/fd/${inside}`
      t.equal(fs.readFileSync(`${below}/new`, 'utf8'), 'written before', driver)
      fs.writeFileSync(`${below}/etc/hosts`, 'written afterwards')
      t.equal(fs.readFileSync(`${below}/etc/hosts`, 'utf8'), 'written afterwards')
      fs.closeSync(inside)
      t.ok(await until(() => leftovers().length === 0), `${driver} cleans up`, {
        left: leftovers(),
      })
    }
  }
})

t.test('what another mount namespace still shows is in use', async t => {
  for (const driver of ['overlay2', 'vfs']) {
    const how = ['--rw', `--driver=${driver}`, 'all:1', point]
    t.equal((await plyfs('mount', ...how)).stderr, '', driver)
    const ready = path.join(scratch(), `ready-${driver}`)
    const script = `cd ${point} && : >${ready} && exec sleep 600`
    const other = spawn('unshare', ['-m', '--propagation=private', 'sh', '-c', script])
    t.ok(await until(() => fs.existsSync(ready)))
    await must('umount', ['-l', point])
    await plyfs('gc')
    const below = `/proc/${other.pid ?? 0}/root${point}`
    fs.writeFileSync(`${below}/new`, 'new')
    t.equal(fs.readFileSync(`${below}/new`, 'utf8'), 'new', driver)
    other.kill()
    t.ok(await until(() => leftovers().length === 0), `${driver} cleans up`, {
      left: leftovers(),
    })
  }
})

t.test('a signal takes away the driver’s mount and no other', async t => {
  const how = ['--rw', '--driver=overlay2', 'all:1', point]
  t.equal((await plyfs('mount', ...how)).stderr, '')
  await must('mount', ['-t', 'tmpfs', 'above', point])
  fs.writeFileSync(`${point}/mine`, '')
  process.kill(holder(), 'SIGTERM')
  await plyfs('gc')
  t.ok(fs.existsSync(`${point}/mine`))
  await umount()
  t.ok(fs.existsSync(`${point}/etc/hosts`), 'the one below is there still')
  process.kill(holder(), 'SIGTERM')
  t.ok(await until(() => leftovers().length === 0 && !isMounted(point)))
})

t.test('a signal during the verification leaves no mount', async t => {
  const how = ['--driver=overlay2', '--verify=full', 'all:1', point]
  const mounting = plyfs('mount', ...how)
  t.ok(await until(() => isMounted(point)))
  process.kill(holder(), 'SIGTERM')
  const ran = await mounting
  t.ok(await until(() => leftovers().length === 0 && !isMounted(point)), ran.stderr)
})

t.test('a layer that the kernel still has mounted is not removed', async t => {
  const how = ['--rw=kept-mounted', '--driver=overlay2', 'all:1', point]
  t.equal((await plyfs('mount', ...how)).stderr, '')
  fs.writeFileSync(`${point}/new`, 'new')
  const [use = ''] = fs.readdirSync(`${store}/uses`)
  process.kill(Number(use.split('-')[1]), 'SIGKILL')
  const link = `${scratch()}/by-another-name`
  fs.symlinkSync(store, link)
  for (const root of [store, link]) {
    const refused = await run(
      plyfsProgram(),
      ['writable', 'rm', 'kept-mounted', '--root', root],
      { limit: 20_000 },
    )
    t.match(refused.stderr, /in use by mount/, root)
    await run(plyfsProgram(), ['gc', '--root', root], { limit: 20_000 })
  }
  t.equal(fs.readFileSync(`${point}/new`, 'utf8'), 'new')
  t.match(fs.readFileSync(`${point}/etc/hosts`, 'utf8'), /./)
  await must('umount', [point])
  const rm = ['writable', 'rm', 'kept-mounted', '--root', store]
  t.equal((await run(plyfsProgram(), rm, { limit: 20_000 })).stderr, '')
})

t.test('a tree that was changed is named and not mounted', async t => {
  for (const driver of ['vfs', 'btrfs']) {
    const [hex = ''] = fs
      .readdirSync(`${store}/flat/${driver}`)
      .filter(name => fs.existsSync(`${store}/flat/${driver}/${name}/inventory`))
    fs.chmodSync(`${store}/flat/${driver}/${hex}/tree/etc/hosts`, 0o600)
    const refused = await plyfs('mount', `--driver=${driver}`, 'all:1', point)
    t.equal(refused.status, 1)
    t.match(refused.stderr, /\/etc\/hosts: mode, change time/)
    t.notOk(isMounted(point))
  }
})

t.test('an export of a whole tree is the same by every driver', async t => {
  const tar = path.join(scratch(), 'export.tar')
  const kinds = ['vfs', 'btrfs', 'block']
  const sums = new Map<string, string>()
  for (const kind of kinds) {
    await must(plyfsProgram(), ['export', '--root', store, '-o', tar, `kept-${kind}`])
    sums.set((await must('sha256sum', [tar])).slice(0, 64), kind)
  }
  t.strictSame([...sums.values()], ['block'])
  const listed = await must('tar', ['-tvf', tar])
  t.match(listed, /etc\/hosts link to etc\/across/)
  t.match(listed, /far\/away\/name link to etc\/across/)
})

t.test('gc removes the trees of an image that is gone', async t => {
  await plyfs('writable', 'rm', ...DRIVERS.map(driver => `kept-${driver}`))
  t.equal((await plyfs('rmi', 'all:1')).status, 0)
  await plyfs('gc')
  for (const kind of ['vfs', 'btrfs', 'block'])
    t.strictSame(fs.readdirSync(`${store}/flat/${kind}`), [], kind)
})

t.test('what cannot be is one line, and leaves nothing', async t => {
  const { root } = await makeFilesystem('ext4')
  const other = path.join(root, 'store')
  await must(plyfsProgram(), ['load', '-q', '--root', other, '-i', archive])
  const tries = async (...args: string[]): Promise<string> => {
    const ran = await run(plyfsProgram(), [
      'mount',
      '--root',
      other,
      ...args,
      'all:1',
      point,
    ])
    t.not(ran.status, 0, args.join(' '))
    t.match(ran.stderr, /^plyfs: [^\n]+; [^\n]+\n$/, args.join(' '))
    t.notOk(isMounted(point))
    t.strictSame(leftovers(other), [])
    return ran.stderr
  }
  t.match(await tries('--driver=btrfs'), /does not lie on btrfs; put it on btrfs/)
  t.match(
    await tries('--driver=block'),
    /has no reflinks.*; put the store on xfs or btrfs/,
  )
  t.match(await tries('--driver=zfs'), /--driver=zfs: it is plyfs, overlay2/)
  t.match(await tries('--driver=vfs', '-o', 'timeout=1'), /does not have all of these/)
  t.notOk(fs.existsSync(`${other}/flat/btrfs`))
})

t.test('a store on xfs has blocks too; without loop devices it is said', async t => {
  const { root } = await makeFilesystem('xfs')
  const other = path.join(root, 'store')
  await must(plyfsProgram(), ['load', '-q', '--root', other, '-i', archive])
  const args = ['mount', '--root', other, '--driver=devicemapper', 'all:1', point]
  const null_ = path.join(scratch(), 'null')
  await must('mknod', [null_, 'c', '1', '3'])
  await must('mount', ['--bind', null_, '/dev/loop-control'])
  const refused = await run(plyfsProgram(), args)
  await must('umount', ['/dev/loop-control'])
  t.match(refused.stderr, /^plyfs: no loop device for [^\n]+; load the module[^\n]+\n$/)
  t.strictSame(leftovers(other), [])
  t.equal((await run(plyfsProgram(), args)).stderr, '')
  t.equal(fs.readFileSync(`${point}/etc/hosts`, 'utf8'), 'localhost\n')
  await umount()
  t.ok(await until(() => leftovers(other).length === 0))
})
