// The caller's terminal, pipes and signals, joined with a container's.
import { constants } from 'node:os'
import { ContainerError } from '../../container/container-error.js'
import type { MonitorClient } from '../../container/monitor-client.js'
import { standardError, standardOutput } from '../standard-streams.js'

export interface Attached {
  /**
   * The container's status; null when the caller detached, or the monitor died. Raises a
   * ContainerError when nobody reads the output any more.
   */
  readonly ended: Promise<number | null>
  /** Gives the terminal back. */
  restore(): void
}

export interface AttachOptions {
  readonly input: boolean
  readonly terminal: boolean
  /** Signals that arrive here go to the container. */
  readonly passSignals: boolean
}

/** 128 + SIGPIPE, by which other programs end then. */
const BROKEN_PIPE = 141

/** ctrl-p ctrl-q, docker's way out. */
const DETACH = Buffer.from([0x10, 0x11])

/** To be called before the container writes anything that is to be seen. */
export function attachStreams(client: MonitorClient, options: AttachOptions): Attached {
  const undo: (() => void)[] = []
  const ended = new Promise<number | null>((resolve, reject) => {
    client.once('exit', resolve)
    for (const stream of [standardOutput(), standardError()])
      stream.on('error', () => {
        reject(
          new ContainerError(
            'nobody reads the output any more; the container goes on',
            BROKEN_PIPE,
          ),
        )
      })
    client.once('end', () => {
      resolve(null)
    })
    if (options.input || options.terminal)
      undo.push(joinInput(client, options, () => resolve(null)))
  })
  // It may be lost before anybody waits for the end.
  ended.catch(() => undefined)
  client.on('output', (stream, bytes) => {
    ;(stream === 'out' ? standardOutput() : standardError()).write(bytes)
  })
  client.wantOutput()
  if (options.passSignals && !options.terminal) undo.push(passSignals(client))
  return {
    ended,
    restore: () => {
      for (const one of undo) one()
    },
  }
}

/**
 * The container's status, or null; the terminal is the caller's again.
 * @param letGo is called when nobody reads the output any more, which is thrown then.
 */
export async function endOf(
  attached: Attached,
  letGo: () => void,
): Promise<number | null> {
  try {
    return await attached.ended
  } catch (error) {
    letGo()
    throw error
  } finally {
    attached.restore()
  }
}

/** Returns the undo. */
function joinInput(
  client: MonitorClient,
  { input, terminal }: AttachOptions,
  detach: () => void,
): () => void {
  const { stdin, stdout } = process
  const resize = (): void => {
    client.resize(stdout.rows, stdout.columns)
  }
  if (terminal && stdout.isTTY) {
    resize()
    stdout.on('resize', resize)
  }
  const isRaw = terminal && stdin.isTTY
  if (isRaw) stdin.setRawMode(true)
  let before: Buffer = Buffer.alloc(0)
  const take = (bytes: Buffer): void => {
    if (terminal && Buffer.concat([before, bytes]).includes(DETACH)) {
      // What is printed next does not belong behind the container's prompt.
      stdout.write('\r\n')
      detach()
      return
    }
    before = bytes.subarray(-1)
    if (client.input(bytes)) return
    stdin.pause()
  }
  const goOn = (): void => {
    stdin.resume()
  }
  const end = (): void => {
    client.endInput()
  }
  if (input) {
    stdin.on('data', take)
    stdin.once('end', end)
    client.on('drain', goOn)
  }
  return () => {
    stdout.off('resize', resize)
    stdin.off('data', take)
    stdin.off('end', end)
    client.off('drain', goOn)
    stdin.pause()
    if (isRaw) stdin.setRawMode(false)
  }
}

const PASSED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

function passSignals(client: MonitorClient): () => void {
  const pass = (name: NodeJS.Signals): void => {
    void client.signal(constants.signals[name])
  }
  for (const name of PASSED) process.on(name, pass)
  return () => {
    for (const name of PASSED) process.off(name, pass)
  }
}
