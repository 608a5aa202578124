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
  exit: [code: number]
  /** Everything that was given to `input` is on its way. */
  drain: []
  /** The monitor has hung up. */
  end: []
}

const HEAD = 8
const MAX_FRAME = 65_536
/** Bytes of input on their way that the monitor has not taken; more would end the conversation. */
const INPUT_WINDOW = 2 * MAX_FRAME

export class MonitorClient extends EventEmitter<Events> {
  private readonly socket: net.Socket
  private received = Buffer.alloc(0)
  /** Input that was sent and not taken yet, and what waits for its turn. */
  private untaken = 0
  private readonly waiting: Buffer[] = []
  private inputEnds = false
  /** Whoever waits for the answer to a signal, the first one first. */
  private readonly asking: ((errno: number) => void)[] = []
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
      for (const answer of this.asking.splice(0)) answer(E.ESRCH)
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

  /** Input of the container; false when `drain` is to be waited for. */
  input(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length; at += MAX_FRAME)
      this.waiting.push(bytes.subarray(at, at + MAX_FRAME))
    this.sendInput()
    return this.waiting.length === 0
  }

  /** What was given before is sent first. */
  endInput(): void {
    this.inputEnds = true
    if (this.waiting.length === 0) this.send('e', '')
  }

  /** As much as the monitor keeps for us: what else is sent is never behind more than that. */
  private sendInput(): void {
    for (;;) {
      const [next] = this.waiting
      if (next === undefined || this.untaken + next.length > INPUT_WINDOW) return
      this.waiting.shift()
      this.untaken += next.length
      this.send('i', next)
    }
  }

  private inputTaken(bytes: number): void {
    this.untaken -= bytes
    if (this.waiting.length === 0) return
    this.sendInput()
    if (this.waiting.length > 0) return
    if (this.inputEnds) this.send('e', '')
    this.emit('drain')
  }

  resize(rows: number, columns: number): void {
    this.send('w', `${rows} ${columns}`)
  }

  /** Sends a signal to the container's process; false when it has ended. */
  async signal(number: number): Promise<boolean> {
    if (this.hasEnded) return false
    const answered = new Promise<number>(resolve => this.asking.push(resolve))
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
    else if (type === 'r') this.asking.shift()?.(Number(body.toString('latin1')))
    else if (type === 't') this.inputTaken(Number(body.toString('latin1')))
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
