// Mounts through the npm package fuse-native: used by the shell's tools, ended from outside and by
// signals, refused in words where it cannot be had, and honest about what it cannot say.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fuseNativeLacks } from '../../helpers/fuse-native.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import {
  isMounted,
  layerOptions,
  mountPlyfs,
  plyfsProgram,
  type Layers,
  type MountOptions,
  type Mounted,
} from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

import { isGone } from '../command/command.js'

const { t } = await isolated(import.meta.url)

const skip = fuseNativeLacks() ?? false

/** No daemon takes part. */
const ENVIRONMENT = { ...process.env, PLYFS_HOST: 'none' }

function layers(): Required<Layers> {
  const lower = freshDirectory(scratch(), 'lower')
  fs.mkdirSync(path.join(lower, 'folder'))
  for (const name of ['kept', 'changed', 'removed', 'moved', 'folder/inside'])
    fs.writeFileSync(path.join(lower, name), `${name}, from below\n`)
  const upper = freshDirectory(scratch(), 'upper')
  return { lower: [lower], upper, work: freshDirectory(scratch(), 'work') }
}

function mountNative(over: Layers, how: MountOptions = {}): Promise<Mounted> {
  const options = ['transport=fuse-native', ...(how.options ?? [])]
  return mountPlyfs(over, { ...how, options })
}

/** By a shell in the mount; what it prints. */
function sh(mounted: Mounted, script: string): Promise<string> {
  return must('sh', ['-ec', script], { cwd: mounted.point })
}

function failing(mounted: Mounted, script: string): Promise<Ran> {
  return run('sh', ['-c', script], { cwd: mounted.point })
}

t.test('files are read, made, changed, renamed and removed', { skip }, async t => {
  const given = layers()
  const mounted = await mountNative(given)
  t.equal(await sh(mounted, 'ls -A . folder'), await listed(given.lower[0] ?? ''))
  t.equal(
    await sh(mounted, 'cat kept folder/inside'),
    'kept, from below\nfolder/inside, from below\n',
  )
  await sh(mounted, 'echo changed >> changed; rm removed; mv moved folder/')
  await sh(mounted, 'mkdir -p a/b/c; echo new > a/b/c/new; ln -s b/c/new a/link')
  await sh(mounted, 'ln a/b/c/new a/other; mkfifo a/fifo; chmod 640 a/other')
  t.equal(await sh(mounted, 'cat changed a/link'), 'changed, from below\nchanged\nnew\n')
  t.equal(await sh(mounted, 'stat -c "%h %a %s" a/b/c/new a/other'), '2 640 4\n2 640 4\n')
  await sh(mounted, 'mv a/b z; chown 5:60 z/c; touch kept; truncate -s 3 z/c/new')
  t.equal(await sh(mounted, 'stat -c %u:%g z/c; cat a/other'), '5:60\nnew')
  t.equal(await sh(mounted, 'cat z/c/new'), 'new', 'a path below a renamed directory')
  t.match(await failing(mounted, 'cat a/b/c/new'), { status: 1 }, 'it has left its old')
  await sh(mounted, 'mkdir a/b; cp -r z a/b/; rm -r z')
  t.equal(await sh(mounted, 'find . | sort | tr "\\n" " "'), FOUND)
  t.same(await mounted.end(), [])

  const upper = (name: string): string => path.join(given.upper, name)
  t.equal(fs.readFileSync(upper('a/other'), 'utf8'), 'new')
  t.ok(fs.lstatSync(upper('removed')).isCharacterDevice())
  t.notOk(fs.existsSync(upper('z')))
})

const FOUND =
  '. ./a ./a/b ./a/b/z ./a/b/z/c ./a/b/z/c/new ./a/fifo ./a/link ./a/other ./changed ./folder ./folder/inside ./folder/moved ./kept '

function listed(directory: string): Promise<string> {
  return must('ls', ['-A', '.', 'folder'], { cwd: directory })
}

t.test('data goes through it whole', { skip }, async t => {
  const mounted = await mountNative(layers())
  await sh(mounted, 'head -c 5000000 /dev/urandom > data; cp data copy')
  await sh(mounted, 'dd if=data of=copy bs=7777 skip=3 seek=3 count=5 conv=notrunc,fsync')
  await sh(mounted, 'cmp data copy; tar cf - data folder | tar xOf - data | cmp - data')
  t.equal(await sh(mounted, 'stat -c %s copy'), '5000000\n')
  t.same(await mounted.end(), [])
})

t.test('files that are gone cost the server nothing', { skip }, async t => {
  const mounted = await mountNative(layers())
  const files = async (from: number): Promise<void> => {
    const some = `seq -f "f%g" ${from} ${from + 49}`
    await sh(mounted, `${some} | xargs touch; ${some} | xargs -I{} mv {} replaced`)
    await sh(mounted, `${some} | xargs mkdir; ${some} | xargs rmdir`)
    await sh(mounted, `${some} | xargs touch; ${some} | xargs rm`)
  }
  await files(0)
  const before = descriptors(mounted)
  await files(1000)
  const grown = descriptors(mounted) - before
  t.ok(grown < 10, `${grown} descriptors more`)
  t.same(await mounted.end(), [])
})

/** Descriptors that the server and its launcher have open. */
function descriptors(mounted: Mounted): number {
  const open = mounted.pids().map(pid => fs.readdirSync(`/proc/${pid}/fd`).length)
  return open.reduce((sum, count) => sum + count, 0)
}

t.test('attributes have values of any length and size', { skip }, async t => {
  const mounted = await mountNative(layers())
  const script = `
import os, errno, ctypes
libc = ctypes.CDLL(None, use_errno=True)
os.setxattr('kept', 'user.empty', b'')
os.setxattr('kept', 'user.long', b'x' * 3000)
assert os.getxattr('kept', 'user.empty') == b''
assert os.getxattr('kept', 'user.long') == b'x' * 3000
assert sorted(os.listxattr('kept')) == ['user.empty', 'user.long']
small = ctypes.create_string_buffer(10)
assert libc.getxattr(b'kept', b'user.long', small, 10) == -1
assert ctypes.get_errno() == errno.ERANGE, ctypes.get_errno()
assert libc.listxattr(b'kept', small, 10) == -1
assert ctypes.get_errno() == errno.ERANGE, ctypes.get_errno()
os.removexattr('kept', 'user.long')
assert os.listxattr('kept') == ['user.empty']
`
  const ran = await run('python3', ['-c', script], { cwd: mounted.point })
  t.equal(ran.status, 0, ran.stderr)
  t.same(await mounted.end(), [])
})

t.test('a read-only mount answers, and takes no change', { skip }, async t => {
  const { lower } = layers()
  const mounted = await mountNative({ lower: [...lower, ...layers().lower] })
  t.equal(await sh(mounted, 'cat folder/inside'), 'folder/inside, from below\n')
  t.match((await failing(mounted, 'touch new')).stderr, /Read-only file system/)
  t.same(await mounted.end(), [])
})

t.test('what cannot be said has its errno, and the mount goes on', { skip }, async t => {
  const given = layers()
  fs.mkdirSync(path.join(given.lower[0] ?? '', 'bytes'))
  fs.writeFileSync(Buffer.from(`${given.lower[0] ?? ''}/bytes/\xff`, 'latin1'), '')
  const mounted = await mountNative(given)
  const complaints: readonly (readonly [string, RegExp])[] = [
    ['ls bytes', /Invalid or incomplete multibyte/],
    ['cat "bytes/$(printf "\\377")"', /Invalid or incomplete multibyte/],
    ['touch "$(printf "\\377")"', /Invalid or incomplete multibyte/],
    ['touch -d 2001-02-03 kept', /Operation not supported/],
    ['fallocate -l 1000 kept', /not supported/],
    ['chattr +i kept', /Inappropriate ioctl for device|Operation not supported/],
  ]
  for (const [script, complaint] of complaints)
    t.match((await failing(mounted, script)).stderr, complaint, script)
  t.equal(await sh(mounted, 'cat kept'), 'kept, from below\n')
  t.same(await mounted.end(), [])
})

t.test('another user is kept out', { skip }, async t => {
  const mounted = await mountNative(layers())
  const ran = await run('cat', [path.join(mounted.point, 'kept')], { uid: 5, gid: 60 })
  t.match(ran.stderr, /Permission denied/)
  t.same(await mounted.end(), [])
})

t.test('an ordinary user mounts by fusermount', { skip }, async t => {
  const user = { uid: 5, gid: 60 }
  const given = layers()
  for (const folder of [...given.lower, given.upper, given.work])
    await must('chown', ['-R', `${user.uid}:${user.gid}`, folder])
  const mounted = await mountNative(given, { user, options: ['userxattr'] })
  const script = 'cd "$0"; cat kept; rm removed; echo new > new; stat -c %u:%g new'
  const ran = await run('sh', ['-ec', script, mounted.point], user)
  t.match(ran, { status: 0, stdout: 'kept, from below\n5:60\n', stderr: '' })
  t.same(await mounted.end(), [])
  t.equal(fs.readFileSync(path.join(given.upper, 'new'), 'utf8'), 'new\n')
})

t.test('an image turns writable after its check', { skip }, async t => {
  const [tree = ''] = layers().lower
  const root = path.join(freshDirectory(scratch(), 'images'), 'store')
  const archive = path.join(scratch(), 'tree.tar')
  await must('tar', ['-C', tree, '-cf', archive, '.'])
  const plyfs = (...words: string[]): Promise<string> =>
    must(plyfsProgram(), words, { env: ENVIRONMENT })
  await plyfs('import', '--root', root, archive, 'small')
  const point = freshDirectory(scratch(), 'mnt')
  const mount = ['mount', '--root', root, '--transport=fuse-native', '--rw=kept']
  await plyfs(...mount, 'small', point)
  const change = 'cat folder/inside; echo more >> folder/inside; mv folder other'
  t.equal(
    await must('sh', ['-ec', change], { cwd: point }),
    'folder/inside, from below\n',
  )
  await must('umount', [point])
  await plyfs(...mount, 'small', point)
  const line = 'folder/inside, from below\n'
  t.equal(await must('cat', ['other/inside'], { cwd: point }), `${line}more\n`)
  await must('umount', [point])
})

t.test('a signal unmounts, with all that was written', { skip }, async t => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const given = layers()
    const mounted = await mountNative(given)
    // What was changed in a mapping is written back by the end of the mount.
    const script = `
import mmap, os
f = os.open('mapped', os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 8192)
m = mmap.mmap(f, 8192)
m[5000:5006] = b'mapped'
`
    await must('python3', ['-c', script], { cwd: mounted.point })
    const pids = mounted.pids()
    for (const pid of pids) process.kill(pid, signal)
    for (const pid of pids) t.ok(await isGone(pid), `${signal} ends the server`)
    t.same(await mounted.end(), [], signal)
    t.notOk(isMounted(mounted.point))
    const data = fs.readFileSync(path.join(given.upper, 'mapped'))
    t.equal(data.toString('latin1', 5000, 5006), 'mapped')
  }
})

t.test('a lazy unmount serves its last user', { skip }, async t => {
  const mounted = await mountNative(layers())
  const script = 'exec 3< folder/inside; umount -l "$0"; cat <&3; cat folder/inside'
  const ran = await run('sh', ['-c', script, mounted.point], { cwd: mounted.point })
  const line = 'folder/inside, from below\n'
  t.match(ran, { status: 0, stdout: line + line, stderr: '' })
  t.same(await mounted.end(), [])
})

t.test('a background mount is there when the command returns', { skip }, async t => {
  const point = freshDirectory(scratch(), 'mnt')
  const options = layerOptions({ lower: layers().lower }).join(',')
  const words = ['mount', '--transport', 'fuse-native', '-o', options, point]
  const made = await run(plyfsProgram(), words, { env: ENVIRONMENT })
  t.match(made, { status: 0, stderr: '' })
  t.equal(await must('cat', [`${point}/kept`]), 'kept, from below\n')
  await must(plyfsProgram(), ['umount', point])
  t.notOk(isMounted(point))
})

/** What a mount command says that is refused. */
function refusal(program: string, options: string): string {
  const point = freshDirectory(scratch(), 'mnt')
  const words = ['mount', '--transport=fuse-native', '-o', options, point]
  const ran = spawnSync(program, words, {
    encoding: 'utf8',
    env: ENVIRONMENT,
    timeout: 20_000,
  })
  return ran.status === 1 && !isMounted(point) ? ran.stderr : `status ${ran.status}`
}

t.test('what it cannot have is refused in one line', async t => {
  const lower = layerOptions({ lower: layers().lower }).join(',')
  const refused: readonly (readonly [string, RegExp])[] = [
    ['allow_other', /^plyfs: allow_other .*does not say who calls.*\n$/],
    ['passthrough=on', /^plyfs: passthrough=on .*\n$/],
    ['no_open=on', /^plyfs: no_open=on .*\n$/],
    ['nosymfollow', /^plyfs: nosymfollow .*libfuse 2 does not know it.*\n$/],
    ['proto_minor=31', /^plyfs: proto_minor .*\n$/],
  ]
  for (const [option, line] of refused)
    t.match(refusal(plyfsProgram(), `${lower},${option}`), line, option)
})

t.test('without the package, or without libfuse 2, one line says so', async t => {
  const lower = layerOptions({ lower: layers().lower }).join(',')
  const copy = freshDirectory(scratch(), 'installed')
  const project = path.dirname(path.dirname(path.dirname(path.dirname(plyfsProgram()))))
  for (const part of ['dist/bundle', 'native-helpers/build/Release'])
    await must('cp', ['-rL', '--parents', part, copy], { cwd: project })
  const program = path.join(copy, 'native-helpers/build/Release/plyfs')
  const line =
    /^plyfs: the transport fuse-native needs the npm package.*not installed.*\n$/
  t.match(refusal(program, lower), line)

  if (skip !== false) return
  const found = /libfuse\.so\.2 .*=> (\S+)/.exec(await must('ldconfig', ['-p']))
  const library = fs.realpathSync(found?.[1] ?? '')
  await must('mount', ['--bind', '/dev/null', library])
  t.match(
    refusal(plyfsProgram(), lower),
    /^plyfs: the transport fuse-native cannot be loaded: .*libfuse2.*\n$/,
  )
  await must('umount', [library])
})
