// Layers that look right and cannot be used: on different filesystems, in use, on filesystems
// that lack something, out of a user's reach. Refused as in refused-layers.test.ts.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeFilesystem } from '../../helpers/images.js'
import { must } from '../../helpers/run.js'
import { makeFolders, plyfs, refused, writable } from './command.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

t.test('upper and work on different filesystems, or mounts', async t => {
  const folders = makeFolders(scratch())
  const { root } = await makeFilesystem('tmpfs')
  const options = `lowerdir=${folders.lowers[0]},upperdir=${folders.upper},workdir=${root}`
  await refused(t, folders, options, /are on different mounts/)
  await must('mount', ['--bind', folders.work, folders.work])
  t.teardown(() => must('umount', [folders.work]))
  await refused(t, folders, writable(folders), /are on different mounts/)
})

t.test('an upper in use', async t => {
  const folders = makeFolders(scratch())
  const other = makeFolders(scratch())
  const { lowers, upper, work, point } = folders
  const second = (up: string, at: string): string =>
    `lowerdir=${lowers[0]},upperdir=${up},workdir=${at}`
  const here = { ...other, base: other.base }

  await t.test('by the kernel', async t => {
    await must('mount', ['-t', 'overlay', '-o', writable(folders), 'overlay', point])
    await refused(
      t,
      here,
      second(upper, other.work),
      /is in use by the overlay mounted on/,
    )
    await refused(
      t,
      here,
      second(other.upper, work),
      /is in use by the overlay mounted on/,
    )
    await must('umount', [point])
  })

  await t.test('by plyfs', async t => {
    t.equal((await plyfs(['mount', '-o', writable(folders), point])).status, 0)
    await refused(t, here, second(upper, other.work), /is in use by/)
    await refused(t, here, second(other.upper, work), /is in use by/)
    t.equal((await plyfs(['umount', point])).status, 0)
    t.equal(
      (await plyfs(['mount', '-o', writable(folders), point])).status,
      0,
      'free at once',
    )
    t.equal((await plyfs(['umount', point])).status, 0)
  })
})

t.test('what a mount with unknown features left', async t => {
  const folders = makeFolders(scratch())
  fs.mkdirSync(path.join(folders.work, 'work/incompat/volatile'), { recursive: true })
  await refused(t, folders, writable(folders), /last mounted with 'volatile'/)
  fs.rmdirSync(path.join(folders.work, 'work/incompat/volatile'))
  fs.mkdirSync(path.join(folders.work, 'work/incompat/later'))
  await refused(t, folders, writable(folders), /unknown feature 'later'/)
})

t.test('an upper that belongs to other layers', async t => {
  const folders = makeFolders(scratch())
  const { base, lowers, upper, work, point } = folders
  const other = path.join(base, 'u2')
  fs.mkdirSync(other)
  t.match(await plyfs(['mount', '-o', writable(folders), point]), { status: 0 })
  t.match(await plyfs(['umount', point]), { status: 0 })
  const before = await attributes(base)
  const turned = `lowerdir=${lowers[1]}:${lowers[0]},upperdir=${upper},workdir=${work}`
  for (const options of [turned, `${turned},volatile`])
    await refused(
      t,
      folders,
      options,
      /^plyfs: the upper directory was used with another lower; use the same [^;:]*index=off\n$/,
    )
  await refused(
    t,
    folders,
    `lowerdir=${lowers.join(':')},upperdir=${other},workdir=${work}`,
    /^plyfs: the work directory was used with another upper; use the same [^;:]*index=off\n$/,
  )
  t.equal(await attributes(base), before, 'no attribute changed')
  t.match(await plyfs(['mount', '-o', writable(folders), point]), { status: 0 })
  t.match(await plyfs(['umount', point]), { status: 0 })
})

function attributes(directory: string): Promise<string> {
  return must('getfattr', ['-R', '-h', '-d', '-m', '-', '-e', 'hex', directory])
}

t.test('a filesystem that cannot hold an upper', async t => {
  const folders = makeFolders(scratch())
  const on = (root: string): string => {
    fs.mkdirSync(path.join(root, 'u'))
    fs.mkdirSync(path.join(root, 'w'))
    return `lowerdir=${folders.lowers[0]},upperdir=${root}/u,workdir=${root}/w`
  }

  await t.test('without extended attributes', async t => {
    const ramfs = path.join(scratch(), 'ramfs')
    fs.mkdirSync(ramfs)
    await must('mount', ['-t', 'ramfs', 'ramfs', ramfs])
    await refused(t, folders, on(ramfs), /has no 'trusted\.' extended attributes/)
  })

  await t.test('without file types in listings', async t => {
    const image = path.join(scratch(), 'plain.img')
    const root = path.join(scratch(), 'plain')
    fs.writeFileSync(image, '')
    fs.truncateSync(image, 16 << 20)
    fs.mkdirSync(root)
    await must('mkfs.ext4', ['-q', '-F', '-O', '^filetype', image])
    await must('mount', ['-o', 'loop', image, root])
    await refused(t, { ...folders, base: root }, on(root), /does not tell file types/)
  })

  await t.test('read-only', async t => {
    const { root } = await makeFilesystem('tmpfs')
    const options = on(root)
    await must('mount', ['-o', 'remount,ro', root])
    await refused(t, folders, options, /is on a read-only filesystem/)
  })
})

t.test('an ordinary user', async t => {
  const folders = makeFolders(scratch())
  const user = { uid: 3001, gid: 3001 }
  for (const name of ['', 'u', 'w', 'm'])
    fs.chownSync(path.join(folders.base, name), 3001, 3001)
  fs.chmodSync(folders.lowers[0], 0o700)
  fs.chmodSync(path.join(folders.lowers[0], 'd'), 0o755)
  const inside = `lowerdir=${folders.lowers[0]}/d,upperdir=${folders.upper},workdir=${folders.work}`
  await refused(t, folders, inside, /no permission to reach the lower directory/, user)
  fs.chmodSync(folders.lowers[0], 0o755)
  fs.chownSync(folders.work, 0, 0)
  await refused(t, folders, writable(folders), /cannot write to the work directory/, user)
  fs.chownSync(folders.work, 3001, 3001)
  await refused(t, folders, `${writable(folders)},private`, /is for root to set/, user)
})
