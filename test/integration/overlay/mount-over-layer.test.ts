// The mount point may be a layer itself, or contain the layers: even the directory that Node and
// every program come from.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { isMounted, mountPlyfs, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { native } from '../../../src/sys/native.js'
import { dir, file, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root

t.test('over its own lower', async t => {
  const lower = freshDirectory(disk, 'lower')
  makeTree(lower, { a: file('a'), d: dir({ x: file('x') }) })
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs({ lower: [lower], upper, work }, { point: lower })
  calls.writeFile(`${lower}/a`, 'changed')
  calls.unlink(`${lower}/d/x`)
  calls.rename(`${lower}/d`, `${lower}/e`)
  t.same(calls.names(lower), ['a', 'e'])
  t.equal(calls.readText(`${upper}/a`), 'changed', 'the upper has the change')
  t.same(await mounted.end(), [])
  t.same(calls.names(lower), ['a', 'd'], 'the lower is as it was')
  t.equal(calls.readText(`${lower}/a`), 'a')
})

t.test('over its own upper', async t => {
  const lower = freshDirectory(disk, 'lower')
  makeTree(lower, { a: file('a') })
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs({ lower: [lower], upper, work }, { point: upper })
  calls.writeFile(`${upper}/b`, 'b')
  calls.chmod(`${upper}/a`, 0o600)
  t.same(calls.names(upper), ['a', 'b'])
  t.same(await mounted.end(), [])
  t.same(calls.names(upper), ['a', 'b'], 'the upper holds both')
})

t.test('over a directory that contains all layers', async t => {
  const base = freshDirectory(disk, 'base')
  makeTree(base, { l: dir({ a: file('a') }), u: dir(), w: dir() })
  const mounted = await mountPlyfs(
    { lower: [`${base}/l`], upper: `${base}/u`, work: `${base}/w` },
    { point: base },
  )
  calls.writeFile(`${base}/a`, 'changed')
  calls.writeFile(`${base}/n`, 'new')
  t.same(calls.names(base), ['a', 'n'])
  t.same(await mounted.end(), [])
  t.equal(calls.readText(`${base}/l/a`), 'a')
  t.equal(calls.readText(`${base}/u/a`), 'changed')
})

t.test('a link in a layer that leads into the mount', async t => {
  const point = freshDirectory(scratch(), 'mnt')
  const lower = freshDirectory(disk, 'lower')
  makeTree(lower, { d: dir({ a: file('a') }) })
  calls.symlink(point, `${lower}/self`)
  calls.symlink(`${point}/d`, `${lower}/into`)
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs({ lower: [lower], upper, work }, { point })
  t.equal(calls.readText(`${point}/self/self/into/a`), 'a')
  calls.writeFile(`${point}/into/b`, 'b')
  calls.lchown(`${point}/self`, 1, 1)
  calls.rename(`${point}/into`, `${point}/d/into`)
  t.same(calls.names(`${point}/d/into`), ['a', 'b', 'into'])
  t.same(await mounted.end(), [])
})

t.test('over /usr, which is its own lower', async t => {
  const before = fs.readdirSync('/usr/bin').length
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs({ lower: ['/usr'], upper, work }, { point: '/usr' })
  const script =
    'ls /usr/bin | wc -l; echo changed >/usr/made; rm /usr/bin/yes; ls /usr/made'
  const ran = await run('sh', ['-c', script], { limit: 30_000 })
  t.match(ran, { status: 0, stdout: `${before}\n/usr/made\n` })
  t.match(await run('yes', ['--version']).catch((error: unknown) => error), {
    code: 'ENOENT',
  })
  // A new Node, loaded through the mount, and what is slow to load.
  const node = await must(process.execPath, [
    '-e',
    'console.log(require("zlib") ? 6 * 7 : 0)',
  ])
  t.equal(node, '42\n')
  // umount(8) itself would run from there, and keep it busy.
  t.equal(native.umount2('/usr', 0), 0, 'umount')
  t.same(await mounted.end(), [])
  t.ok(fs.existsSync('/usr/bin/yes'), 'the real one has it')
  t.notOk(fs.existsSync('/usr/made'))
  t.same(fs.readdirSync(upper).sort(), ['bin', 'made'])
})

t.test('in the background, over the directory that holds the program', async t => {
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const program = plyfsProgram()
  const real = fs.realpathSync(program)
  const root = real.slice(0, real.indexOf('/native-helpers/'))
  const options = `lowerdir=${root},upperdir=${upper},workdir=${work}`
  const ran = await run(program, ['mount', '-o', options, root], { limit: 20_000 })
  t.match(ran, { status: 0, stderr: '' })
  t.ok(isMounted(root))
  await must('sh', ['-c', 'ls "$0" >/dev/null && echo x >"$0/made-by-a-test"', root])
  // `plyfs umount` would run from there.
  t.match(await run('umount', [root], { limit: 20_000 }), { status: 0, stderr: '' })
  t.notOk(isMounted(root))
  t.notOk(fs.existsSync(`${root}/made-by-a-test`))
})
