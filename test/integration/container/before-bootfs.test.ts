// The server of a root gets ready before the bootfs is mounted, and mounts nothing before.
import * as fs from 'node:fs'
import { type Container, Containers } from '../../../src/container/containers.js'
import {
  type RootToMount,
  serveRoot,
  type Service,
} from '../../../src/container/serve-root.js'
import { sockets } from '../../../src/container/sockets.js'
import { Store } from '../../../src/image/store/store.js'
import { Server } from '../../../src/mount/server.js'
import { close } from '../../../src/sys/file.js'
import { receiveFd } from '../../../src/sys/process.js'
import { isolated } from '../../helpers/isolated.js'
import { loadUsual, plyfs, storeRoot } from './box.js'

interface Gate {
  readonly bootfs: Promise<void>
  open(): void
  shut(error: Error): void
}

function gate(): Gate {
  let open: () => void = () => undefined
  let shut: (error: Error) => void = () => undefined
  const bootfs = new Promise<void>((resolve, reject) => {
    open = resolve
    shut = reject
  })
  return { bootfs, open, shut }
}

/** Mounts of this process: the devices that it has open. */
function devices(): number {
  const links = fs.readdirSync('/proc/self/fd').map(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      // The one that listed them.
      return ''
    }
  })
  return links.filter(link => link === '/dev/fuse').length
}

async function made(
  name: string,
): Promise<{ containers: Containers; container: Container }> {
  await plyfs('create', '--name', name, 'box:1', 'true')
  const containers = new Containers(await Store.open({ root: storeRoot() }))
  return { containers, container: containers.find(name) }
}

/** Serves the root until it has ended; told when the thread has its plan, and what was reported. */
function serve(containers: Containers, container: Container, root: RootToMount) {
  const said: string[] = []
  let begin: () => void = () => undefined
  const begun = new Promise<void>(resolve => (begin = resolve))
  let ready: () => void = () => undefined
  const isReady = new Promise<void>(resolve => (ready = resolve))
  const service: Service = {
    serverOf: plan => {
      const server = new Server(plan)
      void server.prepared.then(begin, begin)
      return server
    },
    report: what => {
      said.push(what.kind === 'stage' ? what.stage : what.kind)
      if (what.kind === 'ready') ready()
    },
    env: {},
  }
  return { said, begun, isReady, ended: serveRoot(containers, container, root, service) }
}

const { t } = await isolated(import.meta.url)
await loadUsual()

t.test('nothing is mounted while the bootfs is not', async t => {
  const { containers, container } = await made('waits')
  const { bootfs, open } = gate()
  const [ours, lifeline] = sockets()
  const root = { lifeline, verify: 'quick', check: null, bootfs } as const
  const { said, begun, isReady, ended } = serve(containers, container, root)
  await begun
  t.equal(devices(), 0)
  t.same(said, [])
  open()
  await isReady
  t.same(said, ['rootfs', 'integrity check', 'writable layer', 'ready'])
  const tree = receiveFd(ours)
  t.ok(tree >= 0, 'the mount comes')
  t.equal(devices(), 1)
  close(tree)
  close(ours)
  await ended
})

t.test('one that never will be leaves nothing, and nothing to complain of', async t => {
  const { containers, container } = await made('never')
  const { bootfs, shut } = gate()
  const [ours, lifeline] = sockets()
  const root = { lifeline, verify: 'quick', check: null, bootfs } as const
  const { said, begun, ended } = serve(containers, container, root)
  await begun
  shut(new Error('the monitor has failed'))
  await ended
  close(ours)
  t.same(said, [])
  t.equal(devices(), 0)
  t.equal((await plyfs('rm', 'never')).status, 0)
})
