// Talks with a container's monitor: frames of a letter, a length and bytes over a unix socket, as
// native-helpers/monitor.h describes them.
import { EventEmitter, once } from 'node:events'
import * as net from 'node:net'
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import type { Container } from './containers.js'
import { hasCode } from '../image/store/replace-file.js'

/** What the monitor tells of its work. */
export interface Stage {
  /** `bootfs`, `placed`, `hand-over`, `bootfs unmounted`, `failed`. */
  readonly stage: string
  /** Microseconds it took. */
  readonly us?: number
  /** Bytes of memory concerned. */
  readonly bytes?: number
  /** Of `failed`. */
  readonly what?: string
  readonly errno?: number
}

interface Events {
  output: [stream: 'out' | 'err', bytes: Buffer]
  stage: [stage: Stage]
  answer: [errno: number]
  exit: [code: number]
  /** The monitor has hung up. */
  end: []
}

const HEAD = 8
const MAX_FRAME = 65_536

export class MonitorClient extends EventEmitter<Events> {
  private readonly socket: net.Socket
  private received = Buffer.alloc(0)
  /** What `exit` has told; null before. */
  exitCode: number | null = null
  /** The monitor has hung up. */
  hasEnded = false

  constructor(socket: net.Socket) {
    super()
    this.socket = socket
    socket.on('data', piece => {
      this.receive(piece)
    })
    // Whoever has gone has ended the conversation.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.hasEnded = true
      this.emit('end')
    })
    this.on('exit', code => (this.exitCode = code))
  }

  /** Asks for what the container writes from now on. */
  wantOutput(): void {
    this.send('o', '')
  }

  go(): void {
    this.send('g', '')
  }

  /** Input of the container; false when it is to be waited for `drain`. */
  input(bytes: Buffer): boolean {
    let taken = true
    for (let at = 0; at < bytes.length; at += MAX_FRAME)
      taken = this.send('i', bytes.subarray(at, at + MAX_FRAME))
    return taken
  }

  endInput(): void {
    this.send('e', '')
  }

  drained(): Promise<unknown> {
    return once(this.socket, 'drain')
  }

  resize(rows: number, columns: number): void {
    this.send('w', `${rows} ${columns}`)
  }

  /** Sends a signal to the container's process; false when it has ended. */
  async signal(number: number): Promise<boolean> {
    const answered = new Promise<number>(resolve => {
      this.once('answer', resolve)
      this.once('end', () => {
        resolve(E.ESRCH)
      })
    })
    this.send('k', String(number))
    return (await answered) === 0
  }

  /** Lets go of the conversation; the container goes on. */
  close(): void {
    this.socket.destroy()
  }

  private send(type: string, bytes: Buffer | string): boolean {
    const body = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    const head = Buffer.alloc(HEAD)
    head.write(type, 'latin1')
    head.writeUInt32BE(body.length, 4)
    return this.socket.write(Buffer.concat([head, body]))
  }

  private receive(piece: Buffer): void {
    this.received = Buffer.concat([this.received, piece])
    while (this.received.length >= HEAD) {
      const length = this.received.readUInt32BE(4)
      if (this.received.length < HEAD + length) return
      const type = this.received.latin1Slice(0, 1)
      const body = this.received.subarray(HEAD, HEAD + length)
      this.received = this.received.subarray(HEAD + length)
      this.handle(type, body)
    }
  }

  private handle(type: string, body: Buffer): void {
    if (type === 'o') this.emit('output', 'out', body)
    else if (type === 'e') this.emit('output', 'err', body)
    else if (type === 's')
      this.emit('stage', JSON.parse(body.toString('latin1')) as Stage)
    else if (type === 'r') this.emit('answer', Number(body.toString('latin1')))
    else if (type === 'x') this.emit('exit', Number(body.toString('latin1')))
  }
}

/** null where no monitor listens: the container does not run. */
export async function connectMonitor(
  container: Container,
): Promise<MonitorClient | null> {
  // A socket's address has 108 bytes, which a store's path may exceed.
  const folder = openat2(AT_FDCWD, container.folder, O_PATH | O_DIRECTORY, 0, 0)
  if (folder === -E.ENOENT) return null
  if (folder < 0) throw new FsError(folder, 'open', container.folder)
  try {
    const socket = net.connect(`/proc/self/fd/${folder}/monitor.sock`)
    await once(socket, 'connect')
    return new MonitorClient(socket)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ECONNREFUSED')) return null
    throw error
  } finally {
    close(folder)
  }
}
