// Writable layers of image mounts: one that goes with the mount, and one that is kept by name.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const root = path.join(scratch(), 'store')
const writable = path.join(root, 'writable')
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)
for (const tag of ['small:1', 'other:1']) {
  const image = makeImage([[directory('etc/'), file('etc/hosts', `of ${tag}\n`)]])
  const archive = path.join(scratch(), `${tag}.tar`)
  fs.writeFileSync(
    archive,
    dockerArchive([{ image, tags: [tag] }], { gzipLayers: false }),
  )
  await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
}

function plyfs(...args: string[]): Promise<Ran> {
  // A verb of two words has its options behind the second.
  const words = args[0] === 'writable' ? 2 : 1
  const all = [...args.slice(0, words), '--root', root, ...args.slice(words)]
  return run(plyfsProgram(), all, { limit: 60_000 })
}

function layers(): string[] {
  return fs.readdirSync(writable).filter(name => !name.endsWith('.lock'))
}

/** Until a condition holds that another process brings about. */
async function until(holds: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 20_000
  while (!holds() && Date.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  return holds()
}

t.test('without --rw every change is EROFS', async t => {
  t.equal((await plyfs('mount', 'small:1', point)).status, 0)
  t.throws(() => fs.writeFileSync(`${point}/etc/new`, ''), { code: 'EROFS' })
  t.throws(() => fs.unlinkSync(`${point}/etc/hosts`), { code: 'EROFS' })
  const refused = await plyfs('rmi', 'small:1')
  t.not(refused.status, 0)
  t.match(refused.stderr, /in use by mount .*\/mnt/)
  await must('umount', [point])
})

t.test('--rw: what is written goes with the mount', async t => {
  t.equal((await plyfs('mount', '--rw', 'small:1', point)).status, 0)
  fs.writeFileSync(`${point}/etc/new`, 'new')
  fs.appendFileSync(`${point}/etc/hosts`, 'more\n')
  t.equal(fs.readFileSync(`${point}/etc/hosts`, 'utf8'), 'of small:1\nmore\n')
  t.equal(layers().length, 1)
  await must('umount', [point])
  t.ok(await until(() => fs.readdirSync(writable).length === 0), 'nothing is left')
})

t.test('--rw=NAME: it is there again, and on its own image alone', async t => {
  t.equal((await plyfs('mount', '--rw=mine', 'small:1', point)).status, 0)
  fs.writeFileSync(`${point}/etc/new`, 'kept')
  fs.unlinkSync(`${point}/etc/hosts`)
  await must('umount', [point])
  t.equal((await plyfs('mount', '--rw=mine', 'small:1', point)).status, 0)
  t.same(fs.readdirSync(`${point}/etc`), ['new'])
  t.equal(fs.readFileSync(`${point}/etc/new`, 'utf8'), 'kept')
  await must('umount', [point])
  const refused = await plyfs('mount', '--rw=mine', 'other:1', point)
  t.not(refused.status, 0)
  t.match(refused.stderr, /belongs to image/)
  const bad = await plyfs('mount', '--rw=../x', 'small:1', point)
  t.match(bad.stderr, /no name for a writable layer/)
})

t.test(
  'gc removes what a mount that was killed has left, and nothing in use',
  async t => {
    t.equal((await plyfs('mount', '--rw', 'small:1', point)).status, 0)
    fs.writeFileSync(`${point}/etc/new`, 'new')
    t.equal((await plyfs('gc')).status, 0)
    t.equal(layers().length, 2, 'the one in use, and the one with a name')
    const stdout = await must(plyfsProgram(), ['stats', '--json', point])
    process.kill((JSON.parse(stdout) as { pid: number }).pid, 'SIGKILL')
    await must('umount', ['-l', point])
    t.equal(layers().length, 2, 'it is left')
    let said = ''
    for (let i = 0; i < 50 && !said.includes('writable layer'); i++)
      said = (await plyfs('gc')).stdout
    t.match(said, /removed writable layer \.passing-/)
    t.same(fs.readdirSync(writable), ['mine'])
  },
)

t.test('writable ls, rm and prune', async t => {
  const list = async (): Promise<string> =>
    (await plyfs('writable', 'ls', '--format', '{{.Name}} {{.Image}} {{.Mounts}}')).stdout
  t.equal((await plyfs('mount', '--rw=mine', 'small:1', point)).status, 0)
  t.equal(await list(), `mine small:1 ${point}\n`)
  const refused = await plyfs('writable', 'rm', 'mine')
  t.equal(refused.status, 1)
  t.match(refused.stderr, `the writable layer mine is in use by mount ${point}`)
  t.match((await plyfs('writable', 'prune', '-af')).stdout, /reclaimed space: 0B/)
  await must('umount', [point])
  t.match(await plyfs('writable', 'rm', 'mine'), { status: 0, stdout: 'mine\n' })
  t.same(fs.readdirSync(writable), [])
  t.match(await plyfs('writable', 'rm', 'mine'), {
    status: 1,
    stderr: 'plyfs: there is no writable layer mine\n',
  })
  t.equal((await plyfs('writable', 'rm', '-f', 'mine')).status, 0)

  for (const [name, image] of [
    ['kept', 'small:1'],
    ['orphan', 'other:1'],
  ] as const) {
    t.equal((await plyfs('mount', `--rw=${name}`, image, point)).status, 0)
    fs.writeFileSync(`${point}/etc/new`, Buffer.alloc(1 << 20))
    await must('umount', [point])
  }
  const removed = (): Promise<boolean> =>
    until(() => fs.readdirSync(path.join(root, 'uses')).length === 0)
  t.ok(await removed(), 'the mounts are over')
  t.equal((await plyfs('rmi', 'other:1')).status, 0)
  t.match((await plyfs('writable', 'ls')).stdout, /^kept +small:1 +1\.\d+MB *$/m)
  t.match((await plyfs('writable', 'prune', '-f')).stdout, /layers:\norphan\n\n/)
  t.equal(await list(), 'kept small:1 \n')
  t.equal((await plyfs('writable', 'prune', '--all', '--force')).status, 0)
  t.same(fs.readdirSync(writable), [])
})
