// Input that a container does not read, or reads late: it holds up nobody but who sends it, and no
// byte of it is lost.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { isolated } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { folderOf, loadUsual, ok, plyfsWith, processes, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

/** A frame as native-helpers/monitor.h describes it. */
function frame(type: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([head, bytes])
}

async function connect(id: string): Promise<net.Socket> {
  // An address has 108 bytes, which is less than the path of a store in a test.
  process.chdir(folderOf(id))
  const socket = net.connect('monitor.sock')
  process.chdir('/')
  await once(socket, 'connect')
  return socket
}

/** Closes it in both directions once the kernel has the bytes. */
async function hangUpAfter(socket: net.Socket, bytes: Buffer): Promise<void> {
  await new Promise<void>(resolve => socket.write(bytes, () => resolve()))
  socket.destroy()
  await once(socket, 'close')
}

t.test('what clients sent before they hung up arrives whole', async t => {
  const id = await ok('run', '-d', '-i', 'box:1', 'sh', '-c', 'sleep 3; wc -c')
  const piece = frame('i', Buffer.alloc(65_536, 'x'))
  const first = await connect(id)
  first.write(Buffer.concat([piece, piece]))
  await new Promise(resolve => setTimeout(resolve, 500))
  const second = await connect(id)
  await hangUpAfter(second, Buffer.concat([piece, piece]))
  await new Promise(resolve => setTimeout(resolve, 500))
  first.end(frame('e'))
  t.equal(await ok('wait', id), '0')
  t.equal(await ok('logs', id), '262144')
  await ok('rm', id)
})

t.test('a client that does not read its output is listened to till its end', async t => {
  const words = 'yes | head -c 2000000 & sleep 2; wc -c >/count; wait'
  const id = await ok('run', '-d', '-i', 'box:1', 'sh', '-c', words)
  const client = await connect(id)
  client.pause()
  client.write(frame('o'))
  await new Promise(resolve => setTimeout(resolve, 1000))
  // It finds both at once: bytes, and that nobody is there to be sent anything.
  const monitor = Number(
    processes()
      .find(line => line.includes('plyfs-monitor'))
      ?.split(' ')[0],
  )
  process.kill(monitor, 'SIGSTOP')
  const last = Buffer.concat([frame('i', Buffer.alloc(60_000, 'x')), frame('e')])
  await hangUpAfter(client, last)
  process.kill(monitor, 'SIGCONT')
  t.equal(await ok('wait', id), '0')
  t.equal(fs.readFileSync(`${folderOf(id)}/rw/upper/count`, 'latin1'), '60000\n')
  await ok('rm', id)
})

t.test(
  'a monitor that is killed while `run -i` writes input is an end like others',
  async t => {
    const child = spawn(
      plyfsProgram(),
      ['run', '-i', '--root', storeRoot(), '--name', 'lost', 'box:1', 'sleep', '1000'],
      { stdio: ['pipe', 'ignore', 'pipe'] },
    )
    let said = ''
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
    child.stdin.on('error', () => undefined)
    const flood = (): void => {
      while (child.stdin.write(Buffer.alloc(65_536, 'x')));
    }
    child.stdin.on('drain', flood)
    flood()
    const ended = once(child, 'close')
    t.ok(await until(async () => (await ok('ps', '-q')) !== ''))
    await new Promise(resolve => setTimeout(resolve, 500))
    const monitor = processes().find(line => line.includes('plyfs-monitor'))
    process.kill(Number(monitor?.split(' ')[0]), 'SIGKILL')
    t.same(await ended, [137, null])
    t.equal(said, '')
    await ok('rm', 'lost')
  },
)

t.test('a signal to `run -i` passes by the input that waits', async t => {
  const words = 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
  const child = spawn(
    plyfsProgram(),
    ['run', '-i', '--rm', '--root', storeRoot(), 'box:1', 'sh', '-c', words],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  child.stdin.on('error', () => undefined)
  const flood = (): void => {
    while (child.stdin.write(Buffer.alloc(65_536, 'x')));
  }
  child.stdin.on('drain', flood)
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  flood()
  // More than pipes, sockets and windows hold.
  t.ok(await until(() => child.stdin.writableLength > 0))
  await new Promise(resolve => setTimeout(resolve, 500))
  child.kill('SIGTERM')
  t.same(await ended, [3, null])
})

/** A client that writes input until it is ended. */
function endlessInput(id: string) {
  const words = 'yes | "$1" attach --root "$2" "$3"'
  return spawn('sh', ['-c', words, 'sh', plyfsProgram(), storeRoot(), id], {
    stdio: 'ignore',
    detached: true,
  })
}

/** Whether the pipe that a container reads has no room. */
function isFull(id: string): boolean {
  const pid = fs.readFileSync(`${folderOf(id)}/pid`, 'latin1').trim()
  const { O_WRONLY, O_NONBLOCK } = fs.constants
  const pipe = fs.openSync(`/proc/${pid}/fd/0`, O_WRONLY | O_NONBLOCK)
  try {
    fs.writeSync(pipe, 'y')
    return false
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return true
    throw error
  } finally {
    fs.closeSync(pipe)
  }
}

for (const [verb, ...words] of [['stop', '-t', '1'], ['kill'], ['rm', '-f']] as const) {
  t.test(`${verb} reaches a container that does not read its input`, async t => {
    const id = await ok('run', '-d', '-i', 'box:1', 'sleep', '1000')
    const writer = endlessInput(id)
    const ended = once(writer, 'close')
    // All that can be on its way is: the writer sleeps.
    t.ok(await until(() => isFull(id)), 'its input is full')
    const ran = await plyfsWith({ limit: 20_000 }, verb, ...words, id)
    t.match(ran, { status: 0, timedOut: false })
    await ended
    if (verb !== 'rm') await ok('rm', id)
  })
}
