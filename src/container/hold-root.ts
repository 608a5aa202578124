// The root of a container that does not run, for as long as somebody copies: a process that mounts it
// where the container would have it, with its volumes, in a mount namespace of its own, and serves it
// until its standard input ends. When it is killed, the mounts go with it.
import { FsError } from '../errno/fs-error.js'
import { openIn, treeBelow } from '../image/copy/locate.js'
import {
  AT_FDCWD,
  CLONE_NEWNS,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_BIND,
  MS_REC,
  MS_SLAVE,
  O_PATH,
  UMOUNT_NOFOLLOW,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { mount, move_mount, umount2 } from '../sys/mount.js'
import { unshare } from '../sys/namespace.js'
import { receiveFd } from '../sys/process.js'
import type { Container, Containers } from './containers.js'
import type { ContainerMount } from './record.js'
import { messageOf, mountInStages, type Service } from './serve-root.js'
import { sockets } from './sockets.js'
import { Volumes } from './volumes.js'

/**
 * Serves to the end, and throws nothing: what went wrong is reported. The mount namespace of the
 * calling thread is another one afterwards.
 * @returns whether all went well.
 */
export async function holdRoot(
  containers: Containers,
  container: Container,
  service: Service,
): Promise<boolean> {
  const place = container.file('rootfs')
  try {
    const { tree, ended } = await mountDetached(containers, container, service)
    enterNamespace()
    const placed = move_mount(tree, '', AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH)
    close(tree)
    must(placed, 'mount', place)
    mountVolumes(new Volumes(containers), container)
    service.report({ kind: 'ready' })
    await inputEnds()
    must(umount2(place, UMOUNT_NOFOLLOW | MNT_DETACH), 'umount', place)
    // All that was written is on its way to the disk.
    await ended
    return true
  } catch (error) {
    service.report({ kind: 'failed', message: messageOf(error) })
    return false
  }
}

/** As a monitor gets it. */
async function mountDetached(
  containers: Containers,
  container: Container,
  service: Service,
): Promise<{ tree: number; ended: Promise<unknown> | null }> {
  const [ours, lifeline] = sockets()
  try {
    // Copied from is also what is damaged.
    const bootfs = Promise.resolve()
    const root = { lifeline, verify: 'none', check: null, bootfs } as const
    const { ended } = await mountInStages(containers, container, root, service)
    return { tree: must(receiveFd(ours), 'recvmsg'), ended }
  } finally {
    for (const socket of [ours, lifeline]) close(socket)
  }
}

/** Mounts of the host go on to arrive and to leave; ours do not go there. */
function enterNamespace(): void {
  must(unshare(CLONE_NEWNS), 'unshare')
  must(mount('', '/', '', MS_REC | MS_SLAVE, ''), 'mount', '/')
}

/** Folders of the host, and volumes; what would be in memory is not there. */
function mountVolumes(volumes: Volumes, container: Container): void {
  const place = container.file('rootfs')
  const depth = ({ target }: ContainerMount): number => target.split('/').length
  const { mounts } = container.record
  for (const one of mounts.toSorted((a, b) => depth(a) - depth(b))) {
    if (one.type === 'tmpfs') continue
    const source = one.type === 'bind' ? one.source : volumes.data(one.name)
    const root = must(openat2(AT_FDCWD, place, O_PATH, 0, 0), 'open', place)
    const target = openIn(treeBelow(root), one.target, O_PATH)
    close(root)
    must(target, 'open', one.target)
    const bound = mount(source, `/proc/self/fd/${target}`, '', MS_BIND | MS_REC, '')
    close(target)
    must(bound, 'mount', one.target)
  }
}

function inputEnds(): Promise<void> {
  return new Promise(resolve => {
    process.stdin.once('close', resolve).once('end', resolve).resume()
  })
}

function must(result: number, call: string, path?: string): number {
  if (result < 0) throw new FsError(result, call, path)
  return result
}
