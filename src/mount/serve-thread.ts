// The serving thread: waits for its plan, opens the layers, says so, is handed the device, and serves
// until the mount is gone. Everything it needs is loaded and opened before the mount exists.
import { randomInt } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { FsError } from '../errno/fs-error.js'
import { MINOR_NEWEST, type Wishes } from '../fuse/negotiate.js'
import { ServingLoop } from '../fuse/serving-loop.js'
import { Session } from '../fuse/session.js'
import { log } from '../log/log.js'
import { buildOverlay, type BuiltOverlay } from './build-overlay.js'
import { CLONE_FS } from '../sys/constants.js'
import { unshare } from '../sys/namespace.js'
import { dropResourceCapability } from './drop-capability.js'
import type { MountPlan } from './mount-plan.js'
import type { FromServer, ToServer } from './server.js'

function say(message: FromServer): void {
  parentPort?.postMessage(message)
}

function prepare(plan: MountPlan): { loop: ServingLoop; overlay: BuiltOverlay } {
  if (plan.debug) log.setLevel('debug')
  // The umask of new files is set for each caller: it must be this thread's own.
  unshare(CLONE_FS)
  dropResourceCapability()
  const loop = new ServingLoop(() => {
    listen(loop, overlay)
  })
  const overlay = buildOverlay(
    plan,
    randomInt(2 ** 32),
    () => {
      say({ kind: 'serving' })
    },
    job => {
      say({ kind: 'decode', job })
    },
  )
  return { loop, overlay }
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

function start(plan: MountPlan): void {
  const { loop, overlay } = prepare(plan)
  say({ kind: 'prepared', wakeFd: loop.wakeFd })
  parentPort?.once('message', (message: ToServer) => {
    if (message.kind === 'serve') serve(message.device, plan, loop, overlay)
    else overlay.operations.stop()
    // Without a session it only puts away what belongs to the loop.
    loop.run()
    parentPort?.close()
  })
}

function serve(
  device: number,
  plan: MountPlan,
  loop: ServingLoop,
  { options, operations }: BuiltOverlay,
): void {
  const wishes: Wishes = {
    minor: plan.protocolMinor ?? MINOR_NEWEST,
    passthrough: options.passthrough,
    maxStackDepth: options.maxStackDepth,
    acl: !options.noAcl,
  }
  loop.add(new Session(device, operations, wishes, loop, plan.debug))
}

/** Between two requests: what the main thread has said since, while this one was serving. */
function listen(loop: ServingLoop, overlay: BuiltOverlay): void {
  if (parentPort === null) return
  const received = receiveMessageOnPort(parentPort) as { message: ToServer } | undefined
  if (received?.message.kind === 'give-up') loop.abandon()
  if (received?.message.kind !== 'attach') return
  orFail(() => {
    overlay.attach()
    say({ kind: 'attached' })
  })
}

function orFail(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    say({
      kind: 'failed',
      cause: error.message,
      remedy:
        'see that the layers exist and may be read, and that the work directory may be written',
    })
  }
}

compileForAWalk()
parentPort?.once('message', (message: ToServer) => {
  if (message.kind === 'prepare')
    orFail(() => {
      start(message.plan)
    })
})
