// An ordinary user mounts through fusermount3, and ends it in the usual ways.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { makeFolders, mountsOn, plyfs, writable } from './command.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

// nobody: fusermount3 asks for a user that the system knows.
const user = { uid: 65534, gid: 65534 }
const folders = makeFolders(scratch())
const { base, point } = folders

t.before(async () => {
  // The machine's device may be root's alone; this one goes with the namespace.
  const device = path.join(scratch(), 'fuse')
  await must('mknod', ['-m', '666', device, 'c', '10', '229'])
  await must('mount', ['--bind', device, '/dev/fuse'])
  await must('chown', ['-R', '65534:65534', base])
})

t.test('a mount of its own', async t => {
  const ran = await plyfs(['mount', '-o', writable(folders), point], user)
  t.match(ran, { status: 0, stdout: '', stderr: '' })
  t.match(mountsOn(point), [
    {
      type: 'fuse.plyfs',
      source: 'plyfs',
      options: ['rw', 'nosuid', 'nodev', 'relatime'],
    },
  ])
  t.match(
    mountsOn(point)[0]?.superOptions.join(),
    /^rw,user_id=65534,group_id=65534,default_perm/,
  )
  // Root itself may not enter it: there is no allow_other.
  const script = 'cd "$0" && cat d/one two && echo x >>d/one && rm two && ls'
  t.match(await run('sh', ['-c', script, point], user), {
    status: 0,
    stdout: '1\n2\nd\n',
    stderr: '',
  })
  t.match(await plyfs(['which', path.join(point, 'two')], user), {
    status: 1,
    stdout: /hidden by/,
  })
  t.match(await plyfs(['umount', point], user), { status: 0, stderr: '' })
  t.same(mountsOn(point), [])
})

t.test('a mount point that is not UTF-8', async t => {
  fs.mkdirSync(Buffer.from(`${base}/\xff`, 'latin1'))
  fs.chownSync(Buffer.from(`${base}/\xff`, 'latin1'), 65534, 65534)
  const script = `at=$(printf '\\377')
    "$0" mount -o ${writable(folders)},fsname=a\\\\,b "$at" && ls "$at" && "$0" umount "$at"`
  const ran = await run('sh', ['-c', script, plyfsProgram()], { cwd: base, ...user })
  t.match(ran, { status: 0, stdout: 'd\n', stderr: '' })
  t.same(mountsOn(`${base}/\xff`), [])
})

t.test('what fusermount3 refuses is told', async t => {
  fs.chownSync(point, 0, 0)
  const ran = await plyfs(['mount', '-o', writable(folders), point], user)
  t.match(ran, {
    status: 1,
    stderr: /^plyfs: cannot mount on .*fusermount3: [^\n]*; [^\n]*\n$/,
  })
  fs.chownSync(point, 65534, 65534)
  const other = await plyfs(
    ['mount', '-o', `${writable(folders)},allow_other`, point],
    user,
  )
  t.match(other, { status: 1, stderr: /user_allow_other/ })
  t.same(mountsOn(point), [])
})
