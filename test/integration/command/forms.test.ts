// The forms of the mount command: each returns when the mount serves, holds nothing of its
// caller's, shows itself in the mount table as it should, and ends in each of the usual ways.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import {
  isGone,
  makeFolders,
  mountsOn,
  plyfs,
  writable,
  type Folders,
} from './command.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** The mount's server, as the mount itself says. */
async function serverOf(point: string): Promise<number> {
  const { stdout } = await plyfs(['stats', '--json', point])
  return (JSON.parse(stdout) as { pid: number }).pid
}

/** Names in the mount's root. */
async function names(point: string): Promise<string[]> {
  return (await must('ls', [point])).trim().split('\n')
}

/** Mounted as told: status 0 without a word, and the whole union is there. */
async function mounts(t: Test, folders: Folders, args: string[], argv0 = 'plyfs') {
  const ran = await plyfs(args, { argv0 })
  t.match(ran, { status: 0, stdout: '', stderr: '' }, `${argv0} ${args.join(' ')}`)
  t.same(await names(folders.point), ['d', 'two'])
}

async function unmounts(t: Test, { point }: Folders): Promise<void> {
  const pid = await serverOf(point)
  t.match(await plyfs(['umount', point]), { status: 0, stdout: '', stderr: '' })
  t.same(mountsOn(point), [])
  t.ok(await isGone(pid), 'the server is gone')
}

t.test('with a verb', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  await mounts(t, folders, ['mount', '-o', writable(folders), point])
  t.match(mountsOn(point), [
    { type: 'fuse.plyfs', source: 'plyfs', options: ['rw', 'relatime'] },
  ])
  t.match(mountsOn(point)[0]?.superOptions.join(), /default_permissions,allow_other/)
  await unmounts(t, folders)

  await mounts(t, folders, [
    'mount',
    '-o',
    `${writable(folders)},nodev,nosuid,noexec`,
    '-o',
    'noatime,fsname=some\\,where',
    point,
  ])
  t.match(mountsOn(point), [
    { source: 'some,where', options: ['rw', 'nosuid', 'nodev', 'noexec', 'noatime'] },
  ])
  await unmounts(t, folders)
})

t.test('without a verb, and as fuse-overlayfs', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  await mounts(t, folders, ['-o', writable(folders), point])
  t.match(mountsOn(point), [{ type: 'fuse.plyfs', options: ['rw', 'nodev', 'noatime'] }])
  await unmounts(t, folders)
  const args = ['overlay', point, '-o', `${writable(folders)},dev,suid,,volatile`]
  await mounts(t, folders, args, 'fuse-overlayfs')
  t.match(mountsOn(point), [
    { type: 'fuse.fuse-overlayfs', source: 'fuse-overlayfs', options: ['rw', 'noatime'] },
  ])
  await unmounts(t, folders)
  const unknown = await plyfs(['-o', `${writable(folders)},zork`, point], {
    argv0: 'fuse-overlayfs',
  })
  t.match(unknown, { status: 0, stderr: 'unknown argument ignored: zork\n' })
  await unmounts(t, folders)
})

t.test("as mount(8)'s helper", async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  const options = `rw,noatime,noauto,${writable(folders)}`
  await mounts(t, folders, ['some', point, '-o', options], 'mount.fuse.plyfs')
  t.match(mountsOn(point), [
    { type: 'fuse.plyfs', source: 'some', options: ['rw', 'noatime'] },
  ])

  const remount = await plyfs(['some', point, '-o', 'remount,ro,user_id=0'], {
    argv0: 'mount.plyfs',
  })
  t.match(remount, { status: 0, stderr: '' })
  t.match(mountsOn(point), [{ options: ['ro', 'noatime'] }])
  const denied = await run('touch', [path.join(point, 'new')])
  t.match(denied, { status: 1, stderr: /Read-only file system/ })
  t.match(await plyfs(['mount', '-o', 'remount,rw,nodev', point]), {
    status: 0,
    stderr: '',
  })
  t.match(mountsOn(point), [{ options: ['rw', 'nodev', 'noatime'] }])
  t.match(await run('touch', [path.join(point, 'new')]), { status: 0 })
  fs.unlinkSync(path.join(folders.upper, 'new'))
  await unmounts(t, folders)

  const fake = await plyfs(['some', point, '-f', '-o', options], { argv0: 'mount.plyfs' })
  t.match(fake, { status: 0, stderr: '' })
  t.same(mountsOn(point), [], '-f mounts nothing')
})

t.test('by mount(8), from fstab', async t => {
  const folders = makeFolders(scratch())
  const { base, point } = folders
  // Helpers are looked for in /sbin alone; what is added there goes with the namespace.
  const sbin = fs.realpathSync('/sbin')
  for (const name of ['su', 'sw']) fs.mkdirSync(path.join(base, name))
  const over = `lowerdir=${sbin},upperdir=${base}/su,workdir=${base}/sw`
  await must('mount', ['-t', 'overlay', '-o', over, 'overlay', sbin])
  t.teardown(() => must('umount', ['-l', sbin]))
  const types = ['plyfs', 'fuse.plyfs']
  for (const type of types)
    fs.symlinkSync(plyfsProgram(), path.join(sbin, `mount.${type}`))
  for (const type of types) {
    const fstab = path.join(base, 'fstab')
    const options = `${writable(folders)},noatime,nofail,x-of-nobody`
    fs.writeFileSync(fstab, `some ${point} ${type} ${options} 0 0\n`)
    t.match(await run('mount', ['-T', fstab, point]), {
      status: 0,
      stdout: '',
      stderr: '',
    })
    t.match(mountsOn(point), [
      { type: 'fuse.plyfs', source: 'some', options: ['rw', 'noatime'] },
    ])
    t.same(await names(point), ['d', 'two'])
    t.match(await run('mount', ['-o', 'remount,ro', point]), { status: 0, stderr: '' })
    t.match(mountsOn(point), [{ options: ['ro', 'noatime'] }])
    await unmounts(t, folders)
  }
  t.match(
    await run('mount', ['-t', 'plyfs', '-o', `lowerdir=${base}/gone`, 'some', point]),
    {
      status: 1,
      stderr: /^plyfs: the lower directory .* does not exist; .*\n$/,
    },
  )
})

t.test('read-only without an upper', async t => {
  const folders = makeFolders(scratch())
  const { point, lowers } = folders
  await mounts(t, folders, ['mount', '-o', `lowerdir=${lowers.join(':')}`, point])
  t.match(mountsOn(point), [{ options: ['ro', 'relatime'], superOptions: /^ro/ }])
  await unmounts(t, folders)
})

t.test('relative paths, a link, bytes that are not UTF-8', async t => {
  const folders = makeFolders(scratch())
  const { base } = folders
  fs.symlinkSync('l1', path.join(base, 'link'))
  fs.mkdirSync(Buffer.from(`${base}/m\xff\xfe`, 'latin1'))
  const options = 'lowerdir=link:l2,upperdir=u,workdir=w'
  // Node cannot hand such an argument over; a shell can.
  const script = `exec "$0" mount -o ${options} "$(printf 'm\\377\\376')"`
  const ran = await run('sh', ['-c', script, plyfsProgram()], {
    cwd: base,
    limit: 30_000,
  })
  t.match(ran, { status: 0, stdout: '', stderr: '' })
  t.match(mountsOn(`${base}/m\xff\xfe`), [{ type: 'fuse.plyfs' }])
  const end = `ls m* && exec "$0" umount "$(printf 'm\\377\\376')"`
  t.match(await run('sh', ['-c', end, plyfsProgram()], { cwd: base }), {
    status: 0,
    stdout: /two/,
    stderr: '',
  })
  t.same(mountsOn(`${base}/m\xff\xfe`), [])
})

t.test('600 layers, 30,000 bytes of options', async t => {
  const folders = makeFolders(scratch())
  const { base, point } = folders
  const lowers = Array.from({ length: 600 }, (_, i) => {
    const lower = path.join(base, `layer-with-a-longer-name-${i}`)
    fs.mkdirSync(lower)
    fs.writeFileSync(path.join(lower, `f${i}`), '')
    return lower
  })
  const ran = await plyfs(['mount', '-o', `lowerdir=${lowers.join(':')}`, point])
  t.match(ran, { status: 0, stderr: '' })
  t.equal((await names(point)).length, 600)
  await unmounts(t, folders)
})

t.test('in the foreground', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  const stop = new AbortController()
  const running = plyfs(['mount', '-f', '-o', writable(folders), point], {
    signal: stop.signal,
  })
  while (mountsOn(point).length === 0)
    await new Promise(resolve => setTimeout(resolve, 20))
  t.same(await names(point), ['d', 'two'])
  const first = await Promise.race([running, names(point)])
  t.ok(Array.isArray(first), 'it runs as long as the mount is there')
  await must('umount', [point])
  t.match(await running, { status: 0, timedOut: false })
})

t.test('with every request logged', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  const running = plyfs(['mount', '-d', '-o', writable(folders), point])
  while (mountsOn(point).length === 0)
    await new Promise(resolve => setTimeout(resolve, 20))
  t.match(await run('cat', [path.join(point, 'two'), path.join(point, 'never')]), {
    status: 1,
    stdout: '2\n',
  })
  await must('umount', [point])
  const { status, stderr } = await running
  t.equal(status, 0)
  t.match(stderr, /^plyfs: INIT node 0/m)
  t.match(stderr, /^plyfs: LOOKUP node 1 "two" uid 0 pid \d+\nplyfs: {3}-> \d+ bytes$/m)
  t.match(stderr, /LOOKUP node 1 "never" .*\nplyfs: {3}-> \d+ bytes$/m)
  t.match(stderr, /^plyfs: OPEN node \d+/m)
})

t.test('every way to end it', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  const ways: readonly [string, (pid: number) => Promise<unknown>][] = [
    ['umount', () => must('umount', [point])],
    ['fusermount3 -u', () => must('fusermount3', ['-u', point])],
    ['plyfs unmount', () => must(plyfsProgram(), ['unmount', point])],
    ['umount -l', () => must('umount', ['-l', point])],
    ['SIGTERM', async pid => process.kill(pid, 'SIGTERM')],
  ]
  for (const [way, end] of ways) {
    await mounts(t, folders, ['mount', '-o', writable(folders), point])
    const pid = await serverOf(point)
    await end(pid)
    t.ok(await isGone(pid), `${way} ends the server`)
    t.same(mountsOn(point), [], `${way} ends the mount`)
  }
})

t.test('a mount that is in use', async t => {
  const folders = makeFolders(scratch())
  const { point } = folders
  await mounts(t, folders, ['mount', '-o', writable(folders), point])
  const pid = await serverOf(point)
  const busy = await run(
    'sh',
    ['-c', 'exec "$0" umount "$1" < d/one', plyfsProgram(), point],
    {
      cwd: point,
    },
  )
  t.match(busy, { status: 1, stderr: /^plyfs: .*\/m is in use; .* add -l\n$/ })
  t.match(
    await run('sh', ['-c', 'exec "$0" umount -l "$1"', plyfsProgram(), point], {
      cwd: point,
    }),
    {
      status: 0,
    },
  )
  t.same(mountsOn(point), [])
  t.ok(await isGone(pid))
  t.match(await plyfs(['umount', point]), { status: 1, stderr: /is not a mount point/ })
  t.match(await plyfs(['umount', '/proc']), {
    status: 1,
    stderr: /type proc; use umount/,
  })
})

t.test('what it says of itself', async t => {
  t.match(await plyfs(['--version']), { status: 0, stdout: /^plyfs \d+\.\d+\.\d+\n$/ })
  t.match(await plyfs(['version']), { status: 0, stdout: /^plyfs \d+\.\d+\.\d+\n$/ })
  t.match(await plyfs(['--version'], { argv0: 'fuse-overlayfs' }), {
    status: 0,
    stdout: /^fuse-overlayfs: version \d+\.\d+\.\d+\n/,
  })
  t.match(await plyfs(['--help']), { status: 0, stdout: /umount[^]*which[^]*stats/ })
  t.match(await plyfs(['mount', '--help']), { status: 0, stdout: /lowerdir=/ })
  t.match(await plyfs(['-h'], { argv0: 'fuse-overlayfs' }), {
    stdout: /^Usage: fuse-overlayfs/,
  })
  t.match(await plyfs(['nonsense']), { status: 1, stdout: '', stderr: /unknown command/ })
  t.match(await plyfs(['mount']), { status: 1, stderr: /no mount point is given/ })
  t.match(await plyfs([]), { status: 1, stdout: '', stderr: /Usage: plyfs/ })
})
