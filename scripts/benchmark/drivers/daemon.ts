// A plyfs daemon: one process for all mounts that are handed to it.
import { spawn, type ChildProcess } from 'node:child_process'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { MARK, endMarked, marked } from '../../processes/marked.js'
import type { Mode } from '../options.js'
import type { Stage } from '../stage.js'
import { overlayOptions, plyfsProgram, start, unmount } from './command.js'
import type { Layers } from './driver.js'

const START_LIMIT_MS = 20_000
const END_LIMIT_MS = 10_000
const REST_MS = 300

/** Runs `use` beside a daemon with this store, which is ended afterwards. */
export async function withDaemon<T>(
  stage: Stage,
  use: (daemon: Daemon) => Promise<T>,
  store = path.join(stage.disk, 'daemon-store'),
): Promise<T> {
  const mark = `bench.${process.pid}.daemon`
  const socket = path.join(stage.folder('daemon'), 'socket')
  const words = ['daemon', '--root', store, '--socket', socket]
  const child = spawn(plyfsProgram(), words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [MARK]: mark },
  })
  try {
    await listening(child)
    return await use(new Daemon(mark, socket))
  } finally {
    child.kill('SIGTERM')
    await endMarked(mark, END_LIMIT_MS)
  }
}

/** Its first line says that it listens. */
async function listening(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('the daemon has no output')
  const lines = createInterface({ input: child.stdout })
  await new Promise<void>((resolve, reject) => {
    const give = setTimeout(() => {
      reject(new Error('the daemon does not listen'))
    }, START_LIMIT_MS)
    const settle = (action: () => void) => () => {
      clearTimeout(give)
      action()
    }
    lines.once('line', settle(resolve))
    child.once(
      'exit',
      settle(() => {
        reject(new Error('the daemon ended'))
      }),
    )
  })
}

export class Daemon {
  readonly mark: string
  /** With it a command finds the daemon. */
  readonly environment: Readonly<Record<string, string>>

  constructor(mark: string, socket: string) {
    this.mark = mark
    this.environment = { PLYFS_HOST: `unix://${socket}` }
  }

  /**
   * A daemon starts the thread of its next mount after one, which takes some 30 ms: it is measured
   * as one that has had the time, not in the middle of many mounts.
   */
  rest(): Promise<void> {
    return delay(REST_MS)
  }

  /** Throws when the daemon did not take it, and a process of its own serves the mount. */
  mount(layers: Layers, mode: Mode): string {
    const own = `${this.mark}.mount`
    const words = [plyfsProgram(), 'mount', '-o', overlayOptions(layers, mode)]
    start([...words, layers.mountPoint], layers, own, this.environment)
    if (marked(own).length === 0) return layers.mountPoint
    unmount(layers.mountPoint)
    throw new Error('the daemon of this build takes no mounts of directories')
  }

  unmount(mountPoint: string): void {
    unmount(mountPoint)
  }
}
