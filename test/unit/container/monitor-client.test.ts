// The conversation with a monitor, seen from the client: what is sent when, and what is awaited.
import { once } from 'node:events'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import t, { type Test } from 'tap'
import { MonitorClient } from '../../../src/container/monitor-client.js'

interface Frame {
  readonly type: string
  readonly body: string
}

interface Pair {
  readonly client: MonitorClient
  readonly socket: net.Socket
  /** The other end. */
  readonly monitor: net.Socket
  /** Frames that the monitor has got. */
  readonly frames: Frame[]
  /** Until the monitor has got so many frames of a type. */
  count(type: string, wanted: number): Promise<void>
}

let number = 0

async function pair(t: Test): Promise<Pair> {
  const server = net.createServer()
  const place = path.join(os.tmpdir(), `plyfs-monitor-client-${process.pid}-${number++}`)
  server.listen(place)
  await once(server, 'listening')
  const socket = net.connect(place)
  const [monitor] = (await once(server, 'connection')) as [net.Socket]
  server.close()
  t.teardown(() => {
    socket.destroy()
    monitor.destroy()
  })
  const frames: Frame[] = []
  let bytes = Buffer.alloc(0)
  monitor.on('data', piece => {
    bytes = Buffer.concat([bytes, piece])
    while (bytes.length >= 8 && bytes.length >= 8 + bytes.readUInt32BE(4)) {
      const end = 8 + bytes.readUInt32BE(4)
      frames.push({
        type: bytes.latin1Slice(0, 1),
        body: bytes.latin1Slice(8, end),
      })
      bytes = bytes.subarray(end)
    }
  })
  monitor.on('error', () => undefined)
  const count = async (type: string, wanted: number): Promise<void> => {
    while (frames.filter(frame => frame.type === type).length < wanted)
      await once(monitor, 'data')
  }
  return { client: new MonitorClient(socket), socket, monitor, frames, count }
}

function frame(type: string, body: string): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length, 4)
  return Buffer.concat([head, Buffer.from(body, 'latin1')])
}

t.test('many signals at once: an answer for each, and no listener stays', async t => {
  const { client, monitor, count } = await pair(t)
  const before = client.listenerCount('end')
  const sent = Array.from({ length: 20 }, () => client.signal(15))
  await count('k', 20)
  t.equal(client.listenerCount('end'), before)
  for (let i = 0; i < 20; i += 1) monitor.write(frame('r', i % 2 === 0 ? '0' : '3'))
  const even = Array.from({ length: 20 }, (_, i) => i % 2 === 0)
  t.same(await Promise.all(sent), even, 'each its own')
  const unanswered = client.signal(9)
  await count('k', 21)
  monitor.destroy()
  t.equal(await unanswered, false, 'a monitor that goes has no container any more')
  t.equal(await client.signal(9), false)
})

t.test('input that is not taken is kept back, and nothing else is', async t => {
  const { client, monitor, frames, count } = await pair(t)
  t.equal(client.input(Buffer.alloc(300_000, 'x')), false)
  client.endInput()
  void client.signal(15)
  await count('k', 1)
  const input = () => frames.filter(({ type }) => type === 'i')
  const sum = () => input().reduce((bytes, { body }) => bytes + body.length, 0)
  t.ok(sum() <= 131_072, `${sum()} bytes are on their way`)
  t.notOk(
    frames.some(({ type }) => type === 'e'),
    'the end of the input comes last',
  )
  const drained = once(client, 'drain')
  while (sum() < 300_000) {
    const before = input().length
    monitor.write(frame('t', '65536'))
    await count('i', before + 1)
  }
  await drained
  await count('e', 1)
  t.equal(frames.at(-1)?.type, 'e')
})

t.test('a conversation that breaks while input waits is an end, not a crash', async t => {
  const { client, socket } = await pair(t)
  const ended = once(client, 'end')
  t.equal(client.input(Buffer.alloc(1_000_000)), false)
  socket.destroy(new Error('EPIPE'))
  await ended
  t.ok(client.hasEnded)
})
