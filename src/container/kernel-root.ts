// The root of a container by one of the kernel's filesystems: the image read-only, checked, and then
// replaced by the mount that the container runs in, before anybody sees either. The monitor gets
// that mount, and it ends with the monitor's namespace.
import { FsError } from '../errno/fs-error.js'
import { silent } from '../image/progress.js'
import type { Store } from '../image/store/store.js'
import type { VerifyMode } from '../image/verify.js'
import { setFlags } from '../mount/drivers/detached.js'
import type { Driver } from '../mount/drivers/driver.js'
import { type KernelDriver, makeDriver } from '../mount/drivers/make-driver.js'
import { whenFree } from '../mount/drivers/when-free.js'
import { emptyRequest } from '../mount/mount-request.js'
import { MS_RDONLY, O_DIRECTORY, O_RDONLY } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { sendFd } from '../sys/process.js'
import type { Container } from './containers.js'

/** A root that is the monitor's. */
export interface MountedRoot {
  /**
   * Fulfilled with an exit status when it is not served any more, after its last user has gone; null
   * for one of the kernel's, which needs nobody, and is waited for by who mounts the same again.
   */
  readonly ended: Promise<number> | null
}

/**
 * The driver of a container's root, with all that it mounts for the image. The layer for the
 * runtime's needs is below its layers, where it shows layers; a writable layer that is a whole tree
 * has it already. @throws MountError, ImageError, FsError.
 */
export async function kernelDriver(
  store: Store,
  container: Container,
  name: KernelDriver,
  verify: VerifyMode,
): Promise<Driver> {
  const { record } = container
  const image = store.resolve(record.image)
  const layers = await store.unpacked(image, silent)
  const driver = makeDriver(name, {
    store,
    image,
    chain: store.layers.chainOf(store.configOf(image)),
    lowers: name === 'overlay2' ? [container.file('init'), ...layers] : layers,
    request: emptyRequest(),
    source: record.name,
    verify,
    progress: silent,
  })
  await driver.prepare()
  return driver
}

/**
 * Mounts, stage by stage, and hands the mount over.
 * @param lifeline the socket that it goes to. @param stage is told of each that was reached.
 * @throws MountError, ImageError, FsError; nothing stays mounted then.
 */
export async function mountKernelRoot(
  store: Store,
  container: Container,
  name: KernelDriver,
  lifeline: number,
  verify: VerifyMode,
  stage: (stage: string) => void,
): Promise<MountedRoot> {
  const driver = await kernelDriver(store, container, name, verify)
  const image = driver.openImage()
  try {
    setFlags(image, MS_RDONLY)
    stage('rootfs')
    await check(driver, image)
    stage('integrity check')
    const tree = await openRoot(driver, container, image)
    const sent = sendFd(lifeline, tree)
    if (tree !== image) close(tree)
    if (sent < 0) throw new FsError(sent, 'sendmsg')
    stage(container.record.readOnly ? 'no writable layer' : 'writable layer')
    return { ended: null }
  } finally {
    close(image)
  }
}

async function check(driver: Driver, image: number): Promise<void> {
  const root = openat2(image, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (root < 0) throw new FsError(root, 'open', '/')
  try {
    await driver.verify(root)
  } finally {
    close(root)
  }
}

/** What the container runs in. A whole tree that stays read-only has the runtime's needs, too. */
async function openRoot(
  driver: Driver,
  container: Container,
  image: number,
): Promise<number> {
  const { readOnly } = container.record
  if (readOnly && driver.layers.kind === 'overlay') return image
  const tree = await whenFree(() => driver.openWritable(container.file('rw')))
  if (readOnly) setFlags(tree, MS_RDONLY)
  return tree
}
