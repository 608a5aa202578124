// A mount that is served read-only, then gets its upper, on one connection: what was open, cached
// and looked up before goes on being right.
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as calls from '../../helpers/calls.js'
import { C, outcomeOf } from '../../helpers/calls.js'

import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { dir, file, hardlink, type Tree } from '../../helpers/tree.js'
import { run, type Ran } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)
await sharedFilesystem('ext4')

class Served {
  readonly point: string
  private readonly child: ChildProcess
  private text = ''
  private readonly ended: Promise<number | null>

  constructor(layers: WritableLayers) {
    this.point = freshDirectory(scratch(), 'mnt')
    const program = fileURLToPath(
      new URL('../../fixtures/attach-later.js', import.meta.url),
    )
    this.child = spawn(
      process.execPath,
      [program, layers.lower.join(':'), layers.upper, layers.work, this.point],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    this.child.stdout?.on('data', (data: Buffer) => {
      this.text += data.toString()
      this.child.emit('told')
    })
    this.ended = new Promise(resolve => this.child.once('exit', resolve))
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  /** Until the mount is there, read-only. */
  async readOnly(): Promise<this> {
    while (!this.text.includes('read-only'))
      await new Promise(resolve => this.child.once('told', resolve))
    return this
  }

  /** Lets the upper join, and waits until the superblock is writable. */
  async attach(): Promise<void> {
    this.child.stdin?.write('y')
    const deadline = Date.now() + 20_000
    while (!isWritable(this.point) && Date.now() < deadline)
      await new Promise(resolve => setImmediate(resolve))
    if (!isWritable(this.point)) throw new Error('it stayed read-only')
  }

  /** The checks fail. Resolves to the exit status. */
  refuse(): Promise<number | null> {
    this.child.stdin?.write('n')
    return this.ended
  }

  async end(): Promise<void> {
    const ran = await run('umount', [this.point])
    if (ran.status !== 0) await run('umount', ['-l', this.point])
    await this.ended
  }
}

function isWritable(point: string): boolean {
  const line = fs
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find(text => text.split(' ')[4] === point)
  return line !== undefined && /(^|,)rw(,|$)/.test(line.split(' ').at(-1) ?? '')
}

async function served(lower: Tree, upper?: Tree): Promise<[Served, WritableLayers]> {
  const layers = await makeStack({
    lowers: [lower],
    ...(upper === undefined ? {} : { upper }),
  })
  return [await new Served(layers).readOnly(), layers]
}

t.test('read-only at first, then writable', async t => {
  const [mount, layers] = await served({ a: file('a'), d: dir({ f: file('f') }) })
  const { point } = mount
  t.same(calls.names(point), ['a', 'd'])
  t.equal(calls.readText(`${point}/d/f`), 'f')
  for (const change of [
    () => calls.writeFile(`${point}/new`, 'n'),
    () => calls.mkdir(`${point}/d/e`),
    () => calls.unlink(`${point}/a`),
    () => calls.chmod(`${point}/a`, 0o600),
    () => calls.rename(`${point}/a`, `${point}/b`),
  ])
    t.equal(
      outcomeOf(() => {
        change()
      }),
      'EROFS',
    )
  t.same(calls.names(layers.upper), [], 'nothing was written')
  await mount.attach()
  calls.writeFile(`${point}/new`, 'n')
  calls.writeFile(`${point}/d/f`, 'changed')
  calls.unlink(`${point}/a`)
  t.same(calls.names(point), ['d', 'new'])
  t.same(calls.names(layers.upper), ['a', 'd', 'new'])
  t.equal(calls.readText(`${point}/d/f`), 'changed')
  await mount.end()
})

t.test('what was open and known before goes on', async t => {
  const [mount] = await served({
    a: file('before'),
    one: file('linked'),
    two: hardlink('one'),
    d: dir({ f: file('f'), g: file('g') }),
  })
  const { point } = mount
  const reader = calls.open(`${point}/a`, C.O_RDONLY)
  const inside = calls.open(`${point}/d`, C.O_RDONLY | C.O_DIRECTORY)
  const before = calls.lstat(`${point}/d/g`).ino
  const root = calls.lstat(point).ino
  t.equal(calls.pread(reader, 100, 0).toString(), 'before')
  t.equal(
    outcomeOf(() => calls.lstat(`${point}/absent`)),
    'ENOENT',
  )
  await mount.attach()
  calls.withOpen(`${point}/a`, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, ' after'))
  t.equal(calls.pread(reader, 100, 0).toString(), 'before after', 'the open file')
  calls.writeFile([inside, 'h'], 'h')
  calls.writeFile([inside, 'g'], 'changed')
  t.same(calls.names(`${point}/d`), ['f', 'g', 'h'], 'the open directory')
  t.equal(calls.lstat(`${point}/d/g`).ino, before, 'the number after copy-up')
  t.equal(calls.lstat(point).ino, root, 'the number of the root')
  calls.writeFile(`${point}/absent`, 'now')
  t.equal(calls.readText(`${point}/absent`), 'now', 'a name known to be absent')
  calls.writeFile(`${point}/one`, 'both')
  t.equal(calls.readText(`${point}/two`), 'both', 'hard links stay together')
  calls.close(reader)
  calls.close(inside)
  await mount.end()
})

t.test('an upper that was written before shows, whatever was known', async t => {
  const [mount] = await served(
    { a: file('lower'), b: file('stays'), d: dir({ f: file('f') }), e: dir({}) },
    { a: file('upper'), n: file('new'), d: dir({ g: file('g') }) },
  )
  const { point } = mount
  const reader = calls.open(`${point}/a`, C.O_RDONLY)
  const inside = calls.open(`${point}/d`, C.O_RDONLY | C.O_DIRECTORY)
  t.same(calls.names(point), ['a', 'b', 'd', 'e'])
  t.same(calls.names(`${point}/d`), ['f'])
  t.equal(calls.readText(`${point}/a`), 'lower')
  t.equal(
    outcomeOf(() => calls.lstat(`${point}/n`)),
    'ENOENT',
  )
  await mount.attach()
  t.same(calls.names(point), ['a', 'b', 'd', 'e', 'n'])
  t.same(calls.names(`${point}/d`), ['f', 'g'])
  t.equal(calls.readText(`${point}/a`), 'upper')
  t.equal(calls.readText(`${point}/n`), 'new')
  t.equal(calls.pread(reader, 100, 0).toString(), 'lower', 'who had it open keeps it')
  t.equal(
    outcomeOf(() => calls.writeFile([inside, 'h'], 'h')),
    'ENOENT',
    'who stood in a directory stands in a removed one',
  )
  calls.writeFile(`${point}/d/h`, 'h')
  t.same(calls.names(`${point}/d`), ['f', 'g', 'h'])
  calls.close(reader)
  calls.close(inside)
  await mount.end()
})

t.test('it is not writable before the kernel has dropped what it kept', async t => {
  const [mount] = await served({ a: file('a') }, { n: file('n') })
  t.same(calls.names(mount.point), ['a'])
  const tracer = await slowDown(mount.pid)
  // The first reply is slow too: it is not to be that of the listing.
  t.equal(
    outcomeOf(() => calls.lstat(`${mount.point}/absent`)),
    'ENOENT',
  )
  await mount.attach()
  t.same(calls.names(mount.point), ['a', 'n'])
  await mount.end()
  await tracer.ended
})

t.test('what fails the checks is not mounted', async t => {
  const [mount, layers] = await served({ a: file('a') })
  t.not(await mount.refuse(), 0, 'the exit status')
  t.notOk(isMounted(mount.point), 'the mount is gone')
  t.same(calls.names(layers.upper), [])
  t.same(calls.names(layers.work), [])
})

function isMounted(point: string): boolean {
  return fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${point} `)
}

/**
 * The first write of each of the process's threads to the FUSE device, of those to come too, takes
 * some time from now on. Resolves to the end of the tracer, which comes with that of the process.
 */
async function slowDown(pid: number): Promise<{ readonly ended: Promise<Ran> }> {
  const delay = 'inject=write:delay_enter=500000:when=1'
  const args = ['-f', '-P', '/dev/fuse', '-e', 'trace=write', '-e', delay]
  const ended = run('strace', [...args, '-p', String(pid)])
  const isTraced = (id: string): boolean => {
    const status = fs.readFileSync(`/proc/${pid}/task/${id}/status`, 'utf8')
    return !/^TracerPid:\t0$/m.test(status)
  }
  const deadline = Date.now() + 10_000
  while (!fs.readdirSync(`/proc/${pid}/task`).every(isTraced) && Date.now() < deadline)
    await new Promise(resolve => setImmediate(resolve))
  return { ended }
}
