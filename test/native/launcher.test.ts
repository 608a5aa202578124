// The launcher, started on a bundle that is a few lines long: what it passes on, when it stays,
// what it answers when the server does not come up.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { place } from './place.js'

const LAUNCHER = fileURLToPath(
  new URL('../../native-helpers/build/Release/plyfs', import.meta.url),
)

/** Tells what it was given, then does what its first arguments say. */
const BUNDLE = `
const fs = require('fs')
const args = process.argv.slice(2)
const ready = process.env.PLYFS_READY_FD
if (args.includes('hang')) process.on('SIGTERM', () => process.exit(9))
const stat = fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')
fs.writeFileSync(process.env.TOLD + '.new', JSON.stringify({
  args, ready: ready ?? null, name: process.env.PLYFS_ARGV0, pid: process.pid,
  leads: Number(stat[3]) === process.pid, parent: process.ppid,
  std: [0, 1, 2].map(fd => fs.readlinkSync('/proc/self/fd/' + fd)),
}))
fs.renameSync(process.env.TOLD + '.new', process.env.TOLD)
if (args.includes('refuse')) { console.error('plyfs: it cannot be'); process.exit(32) }
if (args.includes('crash')) process.kill(process.pid, 'SIGSEGV')
if (args.includes('hang')) setInterval(() => 0, 1000)
else if (ready !== undefined) {
  fs.writeSync(Number(ready), 'rea')
  fs.writeSync(Number(ready), 'dy\\n')
  fs.closeSync(Number(ready))
  if (!args.includes('brief')) setInterval(() => 0, 1000)
}
`

interface Told {
  readonly args: string[]
  readonly ready: string | null
  readonly name: string
  readonly pid: number
  readonly leads: boolean
  readonly parent: number
  readonly std: string[]
}

interface Ended {
  readonly status: number | null
  readonly stderr: string
  readonly told: Told | undefined
}

interface Installed {
  /** The launcher's path, and a symlink's to it. */
  link(name: string): string
  run(program: string, args: string[], options?: RunOptions): Promise<Ended>
  start(program: string, args: string[], options?: RunOptions): ChildProcess
  told(): Told | undefined
  at(name: string): string
}

interface RunOptions {
  readonly path?: string
  readonly closed?: boolean
}

/** The launcher with a bundle beside it, in a folder of its own. */
function install(t: Test, bundle = BUNDLE): Installed {
  const { at } = place(t)
  fs.mkdirSync(at('bin'))
  fs.copyFileSync(LAUNCHER, at('bin/plyfs'))
  if (bundle !== '') fs.writeFileSync(at('bin/plyfs.cjs'), bundle)
  const told = (): Told | undefined =>
    fs.existsSync(at('told'))
      ? (JSON.parse(fs.readFileSync(at('told'), 'utf8')) as Told)
      : undefined
  /** A server outlives the launcher, and the next start forgets what it has told of itself. */
  const endServer = (): void => {
    const server = told()
    if (server !== undefined && isServer(server.pid, at('')))
      process.kill(server.pid, 'SIGKILL')
  }
  t.teardown(endServer)
  const start = (
    program: string,
    args: string[],
    options: RunOptions = {},
  ): ChildProcess => {
    endServer()
    fs.rmSync(at('told'), { force: true })
    const env = { PATH: options.path ?? process.env['PATH'], TOLD: at('told') }
    // A shell closes what Node would always give its children.
    const closing = ['-c', 'exec "$0" "$@" <&- >&- 2>&-', program, ...args]
    const child =
      options.closed === true
        ? spawn('/bin/sh', closing, { env, stdio: 'ignore' })
        : spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const run = async (
    program: string,
    args: string[],
    options?: RunOptions,
  ): Promise<Ended> => {
    const child = start(program, args, options)
    let stderr = ''
    child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    const [status] = (await once(child, 'exit')) as [number | null]
    return { status, stderr, told: told() }
  }
  const link = (name: string): string => {
    if (name === 'plyfs') return at('bin/plyfs')
    fs.mkdirSync(at('links'), { recursive: true })
    if (!fs.existsSync(at(`links/${name}`))) {
      fs.symlinkSync('../bin/plyfs', at(`links/${name}`))
    }
    return at(`links/${name}`)
  }
  return { link, run, start, told, at }
}

/** Whether a process runs a bundle of a folder's, or has ended. */
function isServer(pid: number, folder: string): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder)
  } catch {
    return false
  }
}

const FOREGROUND: [name: string, ...args: string[]][] = [
  ['plyfs'],
  ['plyfs', 'ps'],
  ['plyfs', 'umount', '/mnt'],
  ['plyfs', 'which', '-o', 'x'],
  ['plyfs', '--help'],
  ['plyfs', '-h'],
  ['plyfs', '--version'],
  ['plyfs', '-V'],
  ['plyfs', 'mount', '--help'],
  ['plyfs', 'mount', '-f', '-o', 'a', '/mnt'],
  ['plyfs', 'mount', '-o', 'a', '/mnt', '-d'],
  ['plyfs', 'mount', '--debug', '/mnt'],
  ['plyfs', 'mount', '-o', 'a,debug', '/mnt'],
  ['plyfs', 'mount', '-odebug,a', '/mnt'],
  ['plyfs', '-o', 'a', '-f', '/mnt'],
  ['fuse-overlayfs'],
  ['fuse-overlayfs', '--version'],
  ['fuse-overlayfs', '/mnt', '-f'],
  ['mount.plyfs', 'none', '/mnt', '-o', 'lowerdir=a\\,b,debug'],
]

const BACKGROUND: [name: string, ...args: string[]][] = [
  ['plyfs', 'mount', '-o', 'a', '/mnt'],
  ['plyfs', '-o', 'a', '/mnt'],
  ['plyfs', '-oa', '/mnt'],
  ['plyfs', 'mount', '-o', 'lowerdir=a\\,debug', '/mnt'],
  ['plyfs', 'mount', '-o', 'debugging,xdebug', '/mnt'],
  ['plyfs', 'mount', '--', '-f'],
  ['fuse-overlayfs', '/mnt'],
  ['fuse-overlayfs', '-o', '-f', '/mnt'],
  ['mount.plyfs', 'none', '/mnt', '-o', 'rw,lowerdir=a'],
  ['mount.fuse.plyfs', 'none', '/mnt'],
  ['mount.fuse3.plyfs', 'none', '/mnt'],
]

t.test('in the foreground', async t => {
  const { run, link } = install(t)
  for (const [name, ...args] of FOREGROUND) {
    const { status, told } = await run(link(name), args)
    const text = [name, ...args].join(' ')
    t.match(told, { args, name, ready: null }, text)
    t.equal(told?.parent, process.pid, 'it is the process that was started')
    t.equal(status, 0)
  }
})

t.test('in the background', async t => {
  const { run, link } = install(t)
  for (const [name, ...args] of BACKGROUND) {
    const { status, told } = await run(link(name), args)
    const text = [name, ...args].join(' ')
    t.match(told, { args, name, ready: /^\d+$/, leads: true }, text)
    t.equal(status, 0)
    t.ok(fs.existsSync(`/proc/${told?.pid ?? 0}`), 'the server goes on')
    process.kill(told?.pid ?? 0, 'SIGKILL')
  }
})

t.test('a server that does not come up', async t => {
  const { run, link, start, told, at } = install(t)
  t.match(await run(link('plyfs'), ['mount', 'refuse']), {
    status: 32,
    stderr: /^plyfs: it cannot be\n$/,
  })
  t.match(await run(link('plyfs'), ['mount', 'crash']), {
    status: 1,
    stderr: /^plyfs: the server was ended by signal 11 \(Segmentation fault\) .*\n$/,
  })
  t.match(await run(link('plyfs'), ['mount', 'brief']), { status: 0, stderr: '' })
  const child = start(link('plyfs'), ['mount', 'hang'])
  const ended = once(child, 'exit')
  const watcher = fs.watch(at(''))
  while (told() === undefined) await once(watcher, 'change')
  watcher.close()
  child.kill('SIGTERM')
  t.strictSame(await ended, [9, null], 'a signal reaches the server')
})

t.test('without stdin, stdout and stderr', async t => {
  const { run, link, at } = install(t)
  const { status, told } = await run(link('plyfs'), ['mount'], { closed: true })
  t.equal(status, 0)
  t.strictSame(told?.std, ['/dev/null', '/dev/null', '/dev/null'])
  t.ok(Number(told?.ready) > 2)
  const refused = await run(link('plyfs'), ['mount', 'refuse'], { closed: true })
  t.equal(refused.status, 32)
  t.notOk(isServer(told?.pid ?? 0, at('')), 'the one before it has been ended')
})

t.test('what is missing is named', async t => {
  const { run, link, at } = install(t)
  const lost = await run(link('plyfs'), ['ps'], { path: at('nowhere') })
  t.equal(lost.status, 127)
  t.match(lost.stderr, /^plyfs: node is missing: .*\n$/)
  fs.symlinkSync(process.execPath, at('bin/node'))
  const beside = await run(link('fuse-overlayfs'), ['/mnt'], { path: at('nowhere') })
  t.equal(beside.status, 0, 'node beside the launcher')
  const without = install(t, '')
  for (const args of [[], ['mount'], ['--help']]) {
    const { status, stderr } = await without.run(without.link('plyfs'), args)
    t.equal(status, 127)
    t.match(stderr, /^plyfs: plyfs\.cjs is missing: .*\n$/)
  }
})

t.test('the bundle where the build leaves it', async t => {
  const { at, run } = install(t, '')
  fs.mkdirSync(at('native-helpers/build/Release'), { recursive: true })
  fs.mkdirSync(at('dist/bundle'), { recursive: true })
  fs.renameSync(at('bin/plyfs'), at('native-helpers/build/Release/plyfs'))
  fs.writeFileSync(at('dist/bundle/plyfs.cjs'), BUNDLE)
  fs.symlinkSync('native-helpers/build/Release/plyfs', at('fuse-overlayfs'))
  const { status, told } = await run(at('fuse-overlayfs'), ['/mnt'])
  t.equal(status, 0)
  t.equal(told?.name, 'fuse-overlayfs')
})
