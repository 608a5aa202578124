// `plyfs cp`: docker's rules for what is copied where, in both directions, of containers that run and
// others; tars; owners; and links that would lead out of the root.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import { loadUsual, mountsNaming, ok, plyfs, processes, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

const host = path.join(scratch(), 'host')
fs.mkdirSync(host)
const at = (...names: string[]) => path.join(host, ...names)
fs.writeFileSync(at('file'), 'of the host\n')
fs.mkdirSync(at('dir/sub'), { recursive: true })
fs.writeFileSync(at('dir/sub/x'), 'x\n', { mode: 0o640 })
fs.chownSync(at('dir/sub/x'), 1000, 1001)
fs.linkSync(at('dir/sub/x'), at('dir/y'))
fs.symlinkSync('sub/x', at('dir/link'))
fs.symlinkSync('dir', at('to-dir'))
fs.symlinkSync('file', at('to-file'))
fs.utimesSync(at('dir/sub/x'), 1_000_000_000, 1_000_000_000)
fs.utimesSync(at('dir/sub'), 1_100_000_000, 1_100_000_000)
fs.mkdirSync(at('empty'))

/** A verb with words, whatever becomes of it. */
const cp = (...words: string[]) => plyfs('cp', ...words)

const SCRIPT =
  'mkdir /made; ln -s /etc/passwd /made/abs; ln -s ../data /made/rel; echo up; exec sleep 1000'

for (const state of ['running', 'stopped'] as const)
  t.test(`with a container that is ${state}`, async t => {
    const id = await ok('run', '-d', '--name', 'one', 'box:1', 'sh', '-c', SCRIPT)
    t.ok(await until(async () => (await ok('logs', id)) === 'up'))
    if (state === 'stopped') await ok('stop', '-t', '0', 'one')
    /** What a file of the container has, through cp itself. */
    const cat = async (name: string) => {
      const words = '"$1" cp --root "$2" "one:$3" - | tar -xOf -'
      const shell = ['-c', words, 'sh', plyfsProgram(), storeRoot(), name]
      return run('sh', shell).then(({ stdout }) => stdout)
    }
    const list = async (name: string) => {
      const words = '"$1" cp --root "$2" "one:$3" - | tar -tvf - --numeric-owner'
      const shell = ['-c', words, 'sh', plyfsProgram(), storeRoot(), name]
      return run('sh', shell).then(({ stdout }) => stdout)
    }

    await t.test('a file into it', async t => {
      t.match(await cp(at('file'), 'one:/new'), { status: 0, stdout: '', stderr: '' })
      t.equal(await cat('/new'), 'of the host\n', 'a name that is not there')
      t.match(await cp(at('file'), 'one:data'), { status: 0, stderr: '' })
      t.equal(await cat('data/file'), 'of the host\n', 'a directory that is there')
      t.match(await cp(at('file'), 'one:/data/from-image'), { status: 0 })
      t.equal(await cat('/data/from-image'), 'of the host\n', 'a file that is there')
      t.match(await cp(at('file'), 'one:/no/'), { status: 1, stderr: /has to be there/ })
      t.match(await cp(at('file'), 'one:/no/x'), { status: 1, stderr: /ENOENT/ })
      t.match(await cp(at('no'), 'one:/x'), { status: 1, stderr: /no such file/ })
    })

    await t.test('a directory into it', async t => {
      t.match(await cp(at('dir'), 'one:/fresh'), { status: 0, stderr: '' })
      t.equal(await cat('/fresh/sub/x'), 'x\n', 'not there: it is made of the content')
      t.match(await cp(at('dir'), 'one:/fresh'), { status: 0 })
      t.equal(await cat('/fresh/dir/sub/x'), 'x\n', 'there: the directory goes into it')
      t.match(await cp(`${at('dir')}/.`, 'one:/tmp'), { status: 0 })
      t.equal(await cat('/tmp/sub/x'), 'x\n', '/.: its content does')
      t.match(await cp(at('dir'), 'one:/new'), { status: 1, stderr: /cannot copy a dir/ })
      const fresh = await list('/fresh')
      t.match(fresh, /^-rw-r----- 0\/0 +2 2001-09-09 01:46 fresh\/(y|sub\/x)$/m)
      t.match(fresh, /^h\S+ 0\/0 .* fresh\/(y|sub\/x) link to fresh\/(y|sub\/x)$/m)
      t.match(fresh, /^drwx\S+ 0\/0 +0 2004-11-09 11:33 fresh\/sub\/$/m)
      t.match(fresh, /fresh\/link -> sub\/x$/m)
      t.match(await cp('-a', at('dir'), 'one:/owned'), { status: 0 })
      t.match(await list('/owned'), /^-rw-r----- 1000\/1001 .* owned\/(y|sub\/x)$/m)
    })

    await t.test('a directory does not replace something else, nor that it', async t => {
      fs.mkdirSync(at('clash/file/x'), { recursive: true })
      t.match(await cp(`${at('clash')}/.`, 'one:/data'), { status: 1, stderr: /no dir/ })
      t.match(await cp(at('file'), 'one:/made/rel/..'), { status: 0 }, 'through a link')
      t.match(await list('/file'), / file$/m, 'links are followed as the root has them')
      fs.rmSync(at('clash'), { recursive: true })
      fs.mkdirSync(at('clash'))
      fs.writeFileSync(at('clash/data'), '')
      t.match(await cp(`${at('clash')}/.`, 'one:/'), {
        status: 1,
        stderr: /the directory/,
      })
      fs.rmSync(at('clash'), { recursive: true })
    })

    await t.test('links as the source, and -L', async t => {
      t.match(await cp(at('to-file'), 'one:/l1'), { status: 0 })
      t.match(await list('/l1'), /^l.* l1 -> file$/m)
      t.match(await cp('-L', at('to-file'), 'one:/l2'), { status: 0 })
      t.equal(await cat('/l2'), 'of the host\n')
      t.match(await cp('-L', at('to-dir'), 'one:/tmp'), { status: 0 })
      t.equal(await cat('/tmp/to-dir/sub/x'), 'x\n')
      t.match(await cp('one:/made/abs', at('abs')), { status: 0 })
      t.equal(fs.readlinkSync(at('abs')), '/etc/passwd')
      t.match(await cp('-L', 'one:/made/abs', at('followed')), { status: 0 })
      t.match(fs.readFileSync(at('followed'), 'utf8'), /^alice:/m, 'inside of the root')
      t.match(await cp('one:/made/rel/', at('rel')), { status: 0 })
      t.ok(
        fs.existsSync(at('rel/from-image')),
        'a slash behind it asks for the directory',
      )
      for (const name of ['abs', 'followed']) fs.rmSync(at(name))
      fs.rmSync(at('rel'), { recursive: true })
    })

    await t.test('out of it', async t => {
      t.match(await cp('one:/fresh', at('out')), { status: 0, stderr: '' })
      t.same(fs.readdirSync(at('out')).sort(), ['dir', 'link', 'sub', 'y'])
      t.equal(fs.readlinkSync(at('out/link')), 'sub/x')
      const { mode, mtimeMs } = fs.statSync(at('out/sub/x'))
      t.same([mode & 0o7777, mtimeMs], [0o640, 1_000_000_000_000])
      t.equal(fs.statSync(at('out/sub')).mtimeMs, 1_100_000_000_000)
      t.equal(fs.statSync(at('out/sub/x')).uid, 0, 'it is the caller’s')
      t.equal(fs.statSync(at('out/sub/x')).ino, fs.statSync(at('out/y')).ino)
      t.match(await cp('-a', 'one:/data', at('out')), { status: 0 })
      t.equal(fs.statSync(at('out/data')).uid, 1000, '-a: as it was')
      t.match(await cp('one:/data/.', at('empty')), { status: 0 })
      t.ok(fs.existsSync(at('empty/from-image')))
      t.match(await cp('one:/etc/passwd', at('empty/')), { status: 0 })
      t.match(fs.readFileSync(at('empty/passwd'), 'utf8'), /^alice:/m)
      t.match(await cp('one:/data', at('file')), {
        status: 1,
        stderr: /cannot copy a dir/,
      })
      t.match(await cp('one:/nosuch', at('x')), { status: 1, stderr: /no such file/ })
      t.match(await cp('one:/etc/passwd/', at('x')), {
        status: 1,
        stderr: /ENOTDIR|not a dir/,
      })
      fs.rmSync(at('out'), { recursive: true })
      fs.rmSync(at('empty'), { recursive: true })
      fs.mkdirSync(at('empty'))
    })

    await t.test('tars', async t => {
      t.match(await list('/data/.'), /^d.* \.\/$/m)
      const words = 'tar -C "$3" -c $4 dir | "$1" cp - --root "$2" one:/tmp/tarred'
      const send = (option: string) =>
        run('sh', ['-c', words, 'sh', plyfsProgram(), storeRoot(), host, option])
      t.match(await send('-f-'), { status: 1, stderr: /is a directory/ })
      await cp(at('empty'), 'one:/tmp/tarred')
      t.match(await send('-f-'), { status: 0, stderr: '' })
      t.match(await send('-zf-'), { status: 0, stderr: '' })
      t.equal(await cat('/tmp/tarred/dir/sub/x'), 'x\n')
      t.match(await list('/tmp/tarred'), /^-\S+ 0\/0 .*tarred\/dir\/(y|sub\/x)$/m)
    })

    await t.test('what is no copy', async t => {
      t.match(await cp('one:/x', 'one:/y'), { status: 1, stderr: /between containers/ })
      t.match(await cp('./a:b', '/c'), { status: 1, stderr: /one of the two/ })
      t.match(await cp('nosuch:/x', '/tmp'), { status: 1, stderr: /No such container/ })
    })

    if (state === 'running')
      t.equal(await ok('exec', 'one', 'cat', '/new'), 'of the host')
    t.match(await ok('diff', 'one'), /^A \/fresh\/sub\/x$/m)
    await ok('rm', '-f', 'one')
    t.ok(await until(() => processes().length === 0), processes().join('\n'))
    t.same(mountsNaming(storeRoot()), [])
  })

t.test('links of a container lead nowhere but into its own root', async t => {
  const outside = path.join(scratch(), 'outside')
  fs.mkdirSync(outside)
  fs.writeFileSync(path.join(outside, 'secret'), 'of the host\n')
  const words = `ln -s ${outside} /out; ln -s ${outside}/secret /leak; ln -s / /up; ln -s /proc/1/root /magic; echo up; exec sleep 1000`
  const id = await ok('run', '-d', 'box:1', 'sh', '-c', words)
  t.ok(await until(async () => (await ok('logs', id)) === 'up'))
  for (const stopped of [false, true]) {
    if (stopped) await ok('stop', '-t', '0', id)
    t.match(await cp(at('file'), `${id}:/out`), { status: 1 })
    t.match(await cp(at('file'), `${id}:/out/x`), { status: 1 })
    t.match(await cp(`${at('dir')}/.`, `${id}:/up${outside}`), { status: 1 })
    t.match(await cp('-L', `${id}:/leak`, at('leaked')), { status: 1 })
    t.match(await cp(`${id}:/out/secret`, at('leaked')), { status: 1 })
    t.match(await cp(`${id}:/magic/etc/hostname`, at('leaked')), { status: 1 })
    const send = `tar -C ${host} --transform 's,^,out/,' -cf - file | "$1" cp --root "$2" - ${id}:/`
    await run('sh', ['-c', send, 'sh', plyfsProgram(), storeRoot()])
  }
  t.same(fs.readdirSync(outside), ['secret'])
  t.equal(fs.readFileSync(path.join(outside, 'secret'), 'utf8'), 'of the host\n')
  t.notOk(fs.existsSync(at('leaked')))
  await ok('rm', id)
})

t.test(
  'a stopped container: volumes, a read-only root, and nobody starts it',
  async t => {
    const bind = path.join(scratch(), 'bind')
    fs.mkdirSync(bind)
    const id = await ok(
      'create',
      '-v',
      'vol:/v',
      '-v',
      `${bind}:/b`,
      '--read-only',
      'box:1',
      'true',
    )
    t.match(await cp(at('file'), `${id}:/v`), { status: 0, stderr: '' })
    t.ok(fs.existsSync(path.join(storeRoot(), 'volumes/vol/data/file')))
    t.match(await cp(at('file'), `${id}:/b`), { status: 0, stderr: '' })
    t.ok(fs.existsSync(path.join(bind, 'file')))
    t.match(await cp(at('file'), `${id}:/x`), { status: 1, stderr: /EROFS/ })
    await ok('rm', id)
  },
)

t.test('a copy that is killed leaves no mount and no process', async t => {
  const id = await ok('create', 'box:1', 'true')
  const words = ['cp', '--root', storeRoot(), '-', `${id}:/tmp`]
  const child = spawn(plyfsProgram(), words, { stdio: ['pipe', 'ignore', 'ignore'] })
  const ended = once(child, 'close')
  t.ok(await until(() => mountsNaming(storeRoot()).length > 0), 'its root is mounted')
  t.match(await plyfs('rm', id), { status: 1, stderr: /is being started/ })
  child.kill('SIGKILL')
  await ended
  t.ok(await until(() => mountsNaming(storeRoot()).length === 0))
  t.ok(await until(() => processes().length === 0), processes().join('\n'))
  t.equal(await ok('start', '-a', id), '')
  await ok('rm', id)
})
