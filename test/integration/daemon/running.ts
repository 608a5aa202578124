// A daemon of the test's own: its store, its socket, and what is asked of it.
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as http from 'node:http'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { freshDirectory } from '../../helpers/images.js'
import { scratch } from '../../helpers/isolated.js'
import { directory, file } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

export interface Running {
  readonly pid: number
  readonly root: string
  readonly socket: string
  /** What it has said. */
  log(): string
  /** The status that it ended with, or the signal. */
  readonly ended: Promise<number | string>
}

export interface Answer {
  readonly status: number
  readonly json: unknown
}

/** The image `small:1` in a fresh store; its root has `etc/hosts` and `data/file`. */
export async function storeWithImage(): Promise<string> {
  const root = path.join(freshDirectory(scratch(), 'store'), 'root')
  const image = makeImage([
    [directory('etc/'), file('etc/hosts', 'localhost\n'), directory('data/')],
    [file('data/file', 'of the image\n')],
  ])
  const archive = path.join(scratch(), 'small.tar')
  fs.writeFileSync(archive, dockerArchive([{ image, tags: ['small:1'] }]))
  await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
  return root
}

let count = 0

/** Starts one and waits until it listens. */
export async function startDaemon(
  root: string,
  through: readonly string[] = [],
): Promise<Running> {
  const socket = path.join(scratch(), `daemon-${++count}.sock`)
  const [program = '', ...args] = [
    ...through,
    plyfsProgram(),
    ...['daemon', '--root', root, '--socket', socket],
  ]
  const logFile = `${socket}.log`
  const log = fs.openSync(logFile, 'w')
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', log] })
  fs.closeSync(log)
  const ended = endOf(child)
  await listening(child, ended)
  const said = (): string => fs.readFileSync(logFile, 'utf8')
  return { pid: child.pid ?? 0, root, socket, ended, log: said }
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '?'))
  })
}

function listening(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    void ended.then(how => reject(new Error(`the daemon ended: ${String(how)}`)))
  })
}

/** One request; rejected when the connection is cut. */
export function ask(
  { socket }: Pick<Running, 'socket'>,
  method: string,
  url: string,
  body?: unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath: socket, method, path: url, timeout: 30_000, agent: false },
      response => {
        let text = ''
        response.on('data', (piece: Buffer) => (text += piece.toString()))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            json: text === '' ? null : (JSON.parse(text) as unknown),
          }),
        )
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
    request.end(body === undefined ? '' : JSON.stringify(body))
  })
}

/** A verb with PLYFS_HOST set to the daemon's socket. */
export function plyfsWith(
  { socket }: Pick<Running, 'socket'>,
  ...args: string[]
): Promise<Ran> {
  const env = { ...process.env, PLYFS_HOST: `unix://${socket}` }
  return run(plyfsProgram(), args, { limit: 60_000, env })
}

/** Descriptors that a process has open, as their links show them. */
export function descriptors(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return fs.readdirSync(folder).flatMap(fd => {
    try {
      return [fs.readlinkSync(path.join(folder, fd))]
    } catch {
      return []
    }
  })
}
