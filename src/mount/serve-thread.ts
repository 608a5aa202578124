// A serving thread: waits for a plan, opens the layers, says so, is handed the device, and serves until
// its last mount is gone. Everything a mount needs is loaded and opened before the mount exists.
import { randomInt } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { FsError } from '../errno/fs-error.js'
import { MINOR_NEWEST, type Wishes } from '../fuse/negotiate.js'
import { ServingLoop } from '../fuse/serving-loop.js'
import { Session } from '../fuse/session.js'
import { log } from '../log/log.js'
import { buildOverlay, type BuiltOverlay, refusalOf } from './build-overlay.js'
import { CLONE_FS } from '../sys/constants.js'
import { unshare } from '../sys/namespace.js'
import { dropResourceCapability } from './drop-capability.js'
import type { MountPlan } from './mount-plan.js'
import type { FromThread, ToThread } from './serving-thread.js'

interface ThreadMount {
  readonly plan: MountPlan
  /** null where its layers could not be opened: it waits to be given up. */
  overlay: BuiltOverlay | null
  /** -1 until it is handed over. */
  device: number
}

class ServeThread {
  private readonly port: MessagePort
  private readonly loop: ServingLoop
  private readonly mounts = new Map<number, ThreadMount>()
  /** More mounts may come when the last one is gone. */
  private stays = false

  constructor(port: MessagePort) {
    this.port = port
    // The umask of new files is set for each caller: it must be this thread's own.
    unshare(CLONE_FS)
    dropResourceCapability()
    this.loop = new ServingLoop(() => this.listen())
    this.say({ kind: 'started', wakeFd: this.loop.wakeFd })
  }

  /** Serves to the end. @param first what it was told first. */
  run(first: ToThread): void {
    this.hear(first)
    this.listen()
    this.loop.run(() => this.stays || this.mounts.size > 0)
    this.port.close()
  }

  /** Between two requests: what the main thread has said since, while this one was serving. */
  private listen(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.port) as
        { message: ToThread } | undefined
      if (received === undefined) return
      this.hear(received.message)
    }
  }

  private hear(message: ToThread): void {
    switch (message.kind) {
      case 'stay':
        this.stays = message.stays
        return
      case 'prepare':
        this.orFail(message.mount, () => this.prepare(message.mount, message.plan))
        return
      case 'serve':
        this.serve(message.mount, message.device)
        return
      case 'attach':
        this.orFail(message.mount, () => this.attach(message.mount))
        return
      case 'give-up':
        this.giveUp(message.mount)
    }
  }

  private prepare(mount: number, plan: MountPlan): void {
    if (plan.debug) log.setLevel('debug')
    // From here on the thread stays until it is told what becomes of the mount.
    const made: ThreadMount = { plan, overlay: null, device: -1 }
    this.mounts.set(mount, made)
    made.overlay = buildOverlay(
      plan,
      randomInt(2 ** 32),
      () => this.say({ kind: 'serving', mount }),
      job => this.say({ kind: 'decode', mount, job }),
    )
    this.say({ kind: 'prepared', mount })
  }

  private serve(mount: number, device: number): void {
    const served = this.mounts.get(mount)
    if (served?.overlay == null) return
    const { plan, overlay } = served
    const { options, operations } = overlay
    const wishes: Wishes = {
      minor: plan.protocolMinor ?? MINOR_NEWEST,
      passthrough: options.passthrough,
      maxStackDepth: options.maxStackDepth,
      acl: !options.noAcl,
    }
    served.device = device
    const session = new Session(device, operations, wishes, this.loop, plan.debug)
    this.loop.add(session, () => this.ended(mount))
  }

  private attach(mount: number): void {
    this.mounts.get(mount)?.overlay?.attach(() => this.say({ kind: 'attached', mount }))
  }

  private giveUp(mount: number): void {
    const served = this.mounts.get(mount)
    if (served !== undefined && served.device >= 0) {
      this.loop.abandon(served.device)
      return
    }
    served?.overlay?.operations.stop()
    this.ended(mount)
  }

  private ended(mount: number): void {
    this.mounts.delete(mount)
    this.say({ kind: 'ended', mount })
  }

  private orFail(mount: number, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      this.say({
        kind: 'failed',
        mount,
        ...refusalOf(error),
      })
    }
  }

  private say(message: FromThread): void {
    this.port.postMessage(message)
  }
}

/**
 * Most mounts are walked through in their first second, on few processors, by a client that needs
 * one. Code is compiled at its first use, without optimizing it, and what optimizes it on threads of
 * its own gets to it only once it has run for long.
 */
function compileForAWalk(): void {
  setFlagsFromString('--always-sparkplug')
  // Later ones have no such flag, and say so on stderr.
  if (process.versions.node.startsWith('20.'))
    setFlagsFromString('--interrupt-budget=600000')
}

compileForAWalk()
parentPort?.once('message', (first: ToThread) => {
  if (parentPort !== null) new ServeThread(parentPort).run(first)
})
