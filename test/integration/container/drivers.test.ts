// A container is the same whatever shows its root: the same stages, nothing of the runtime's among
// its changes, a writable layer that stays until rm, and nothing left behind.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { makeFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, symlink } from '../../helpers/make-tar.js'
import { must } from '../../helpers/run.js'
import {
  containerIds,
  folderOf,
  killWhenThere,
  loadBox,
  loadUsual,
  mountsNaming,
  ok,
  placeStore,
  plyfs,
  processes,
  STARTING,
  storeRoot,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const DRIVERS = ['plyfs', 'overlay2', 'aufs', 'vfs', 'btrfs', 'block'] as const
type Driver = (typeof DRIVERS)[number]

// Shared, as a machine's own filesystems often are; by another name, as a store's folder may be a link.
const btrfs = await makeFilesystem('btrfs', 3 * 1024 ** 3)
await must('mount', ['--make-shared', btrfs.root])
fs.symlinkSync(btrfs.root, path.join(scratch(), 'link'))
placeStore(path.join(scratch(), 'link'))
await loadUsual()
await loadBox('bare:1')
await loadBox('twisted:1', [
  symlink('etc', 'real/config'),
  directory('real/'),
  directory('real/config/', { mode: 0o711, uid: 5 }),
  symlink('vol', '/real/volume'),
  file('real/file', 'x'),
])

/** Loop devices of disks of containers. */
function loops(): string[] {
  return fs
    .readdirSync('/sys/block')
    .map(name => `/sys/block/${name}/loop/backing_file`)
    .filter(name => fs.existsSync(name))
    .map(name => fs.readFileSync(name, 'utf8').trim())
    .filter(name => name.startsWith(scratch()) && name.includes('/containers/'))
}

async function nothingIsLeft(t: Test, id: string): Promise<void> {
  t.ok(await until(() => processes().length === 0), 'no process', {
    left: processes(),
  })
  t.same(mountsNaming(id), [], 'no mount')
  t.ok(await until(() => loops().length === 0), 'no loop device', { left: loops() })
}

for (const driver of DRIVERS)
  t.test(`${driver}: the stages, and a root that nobody else sees`, async t => {
    const ran = await plyfs(
      'run',
      '--rm',
      '--trace-boot',
      '--driver',
      driver,
      'box:1',
      'true',
    )
    t.equal(ran.status, 0, ran.stderr)
    t.same(
      [...ran.stderr.matchAll(/^boot: (\S+( \S+)*) {2,}/gm)].map(([, name]) => name),
      [
        ...['bootfs', 'rootfs', 'integrity check', 'writable layer', 'hand-over'],
        'bootfs unmounted',
      ],
    )
    const id = await ok('run', '-d', '--driver', driver, 'box:1', 'sleep', '1000')
    const own = fs.readFileSync('/proc/self/mountinfo', 'latin1')
    t.notOk(own.includes(id), 'the mount table does not show it')
    const roots = mountsNaming(`${id}/rootfs`)
    t.ok(roots.length > 0)
    t.notOk(
      roots.some(line => line.includes(' shared:')),
      'nothing spreads from it',
      { roots },
    )
    t.equal(await ok('inspect', '-f', '{{.Driver}}', id), driver)
    await ok('rm', '-f', id)
    await nothingIsLeft(t, id)
    t.same(containerIds(), [])
  })

for (const driver of DRIVERS)
  for (const image of ['bare:1', 'twisted:1'])
    t.test(`${driver}, ${image}: what the runtime makes is no change`, async t => {
      const id = await ok(
        ...['create', '--driver', driver, '-v', 'named:/vol/deep', '--tmpfs', '/mem'],
        ...['-w', '/work/dir', image, 'sh', '-c', 'cat /etc/hostname > /dev/null; pwd'],
      )
      t.equal(await ok('start', '-a', id), '/work/dir')
      t.equal(await ok('diff', id), '')
      const made = await ok('commit', id)
      const history = JSON.parse(await ok('history', '--json', made)) as {
        Size: string
      }[]
      t.equal(history[0]?.Size, '0B', 'an empty layer')
      await ok('rm', id)
    })

/** The one process of plyfs's with these words in its command. */
function pidOf(words: string): number {
  const found = processes().filter(line => line.includes(words))
  return found.length === 1 ? Number(found[0]?.split(' ')[0]) : NaN
}

for (const driver of DRIVERS)
  t.test(`${driver}: the writable layer stays until rm`, async t => {
    const script = 'cat /kept 2> /dev/null; echo more >> /kept; rm -f /data/from-image'
    const words = ['sh', '-c', `${script}; echo done; sleep 1000`]
    const id = await ok('run', '-d', '--driver', driver, 'box:1', ...words)
    const changes = ['C /data', 'D /data/from-image', 'A /kept'].join('\n')
    const says = (text: string): Promise<boolean> =>
      until(async () => (await ok('logs', id)) === text)
    t.ok(await says('done'))
    t.equal(await ok('diff', id), changes, 'while it runs')
    await ok('stop', '-t', '0', id)
    t.equal(await ok('diff', id), changes, 'when it has ended')
    await ok('start', id)
    t.ok(await says('done\nmore\ndone'), 'it goes on with what it had')
    process.kill(pidOf('container-serve'), 'SIGKILL')
    t.ok(await until(async () => (await ok('ps', '-q')) === ''), 'its server was killed')
    await ok('start', id)
    t.ok(await says('done\nmore\ndone\nmore\nmore\ndone'))
    for (const pid of ['plyfs-monitor', 'container-serve'].map(pidOf))
      process.kill(pid, 'SIGKILL')
    t.equal(await ok('ps', '-q'), '', 'all of it was killed')
    t.equal(await ok('diff', id), changes)
    await ok('start', id)
    t.ok(await says(`done\nmore\ndone\nmore\nmore\ndone\nmore\nmore\nmore\ndone`))
    await ok('rm', '-f', id)
    await nothingIsLeft(t, id)
    t.same(containerIds(), [])
  })

for (const driver of DRIVERS)
  t.test(`${driver}: --read-only`, async t => {
    const words = ['sh', '-c', 'test -d /new && echo x > /data/from-image']
    const how = ['--read-only', '--driver', driver, '-v', 'named:/new']
    const ran = await plyfs('run', ...how, '--name', 'fixed', 'box:1', ...words)
    t.equal(ran.status, 1)
    t.match(ran.stderr, /Read-only file system/)
    t.equal(await ok('diff', 'fixed'), '')
    await ok('rm', 'fixed')
  })

for (const driver of ['overlay2', 'vfs', 'btrfs', 'block'] as const)
  for (const [name, words] of STARTING)
    t.test(`${driver}: ${name} is killed while a container starts`, async t => {
      const id = await ok('create', '--driver', driver, 'box:1', 'sleep', '1000')
      const starting = plyfs('start', id)
      t.ok(await killWhenThere(words))
      t.equal((await starting).status, 1)
      await ok('ps')
      await nothingIsLeft(t, id)
      t.equal(await ok('diff', id), '')
      await ok('start', id)
      await ok('rm', '-f', id)
      await nothingIsLeft(t, id)
    })

for (const driver of ['overlay2', 'block'] as const)
  t.test(`${driver}: nobody waits for who still has a file open`, async t => {
    const words = ['sh', '-c', 'echo there; sleep 1000']
    const running = plyfs('run', '--driver', driver, '--name', 'held', 'box:1', ...words)
    t.ok(await until(async () => (await plyfs('logs', 'held')).stdout !== ''))
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'held')
    const fd = fs.openSync(`/proc/${pid}/root/data/from-image`, 'r')
    await ok('kill', 'held')
    t.equal((await running).status, 137, 'the command has ended')
    t.match(await plyfs('start', 'held'), { status: 1, stderr: /held|busy|already/i })
    fs.closeSync(fd)
    t.equal(await ok('diff', 'held'), '')
    await ok('rm', 'held')
    await nothingIsLeft(t, driver)
  })

for (const driver of DRIVERS)
  t.test(`${driver}: copies of a container that does not run`, async t => {
    const [into, back] = [path.join(scratch(), 'into'), path.join(scratch(), 'back')]
    fs.writeFileSync(into, 'copied\n')
    const words = ['box:1', 'cat', '/data/into']
    const id = await ok('create', '--driver', driver, '-v', 'named:/vol', ...words)
    await ok('cp', into, `${id}:/data`)
    await ok('cp', `${id}:/data`, back)
    t.same(fs.readdirSync(back).sort(), ['from-image', 'into'])
    t.equal(await ok('diff', id), 'C /data\nA /data/into')
    t.equal(await ok('start', '-a', id), 'copied')
    await ok('rm', id)
    fs.rmSync(back, { recursive: true })
    await nothingIsLeft(t, id)
  })

t.test('what was changed in the store is named, and nothing starts', async t => {
  const [hex = ''] = fs.readdirSync(`${storeRoot()}/flat/vfs`)
  const changed = `${storeRoot()}/flat/vfs/${hex}/tree/bin/busybox`
  const { mode } = fs.statSync(changed)
  fs.chmodSync(changed, 0o700)
  t.teardown(() => {
    fs.chmodSync(changed, mode)
  })
  for (const image of ['box:1', 'bare:1', 'twisted:1']) {
    const ran = await plyfs('run', '--driver', 'vfs', image, 'true')
    if (ran.status === 0) continue
    t.match(ran, { status: 125, stderr: /\/bin\/busybox: mode/ })
    await nothingIsLeft(t, 'rootfs')
    return
  }
  t.fail('no image has this tree')
})

t.test('a record of before there were drivers is of plyfs', async t => {
  const id = await ok('create', 'box:1', 'true')
  const record = path.join(folderOf(id), 'container.json')
  const text = fs.readFileSync(record, 'utf8')
  fs.writeFileSync(record, text.replace(/ *"driver": "plyfs",\n/, ''))
  t.notOk(fs.readFileSync(record, 'utf8').includes('driver'))
  t.equal((await plyfs('start', '-a', id)).status, 0)
  t.equal(await ok('inspect', '-f', '{{.Driver}}', id), 'plyfs')
  await ok('rm', id)
})

t.test('what cannot be is said, and leaves nothing', async t => {
  const wrong = await plyfs('create', '--driver', 'zfs', 'box:1', 'true')
  t.match(wrong, { status: 125, stderr: /--driver zfs: it is plyfs, overlay2/ })
  const { root } = await makeFilesystem('ext4')
  placeStore(root)
  await loadUsual()
  for (const driver of ['btrfs', 'block'] satisfies Driver[]) {
    const ran = await plyfs('run', '--driver', driver, 'box:1', 'true')
    t.match(ran, { status: 125, stderr: /^plyfs: [^\n]+; put .* another --driver\n$/ })
    t.same(containerIds(), [])
    t.same(fs.readdirSync(`${storeRoot()}/uses`), [])
    t.same(
      fs.readdirSync(`${storeRoot()}/containers`).filter(name => name.startsWith('.')),
      [],
    )
  }
})
