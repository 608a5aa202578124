// What the OCI runtime is told of a container, once its root is there: config.json, and the files
// that say who and where the container is. Volumes that are new are filled from the root.
import * as fs from 'node:fs'
import { FsError } from '../errno/fs-error.js'
import { nodePath } from '../image/store/store-place.js'
import { capget } from '../sys/credentials.js'
import { close } from '../sys/file.js'
import type { Container, Containers } from './containers.js'
import { isUnified } from './control-groups.js'
import { openMountedRoot } from './mounted-root.js'
import type { ContainerRecord } from './record.js'
import { OWN_FILES, runtimeConfig } from './runtime-config.js'
import { type Identity, identityOf } from './users.js'
import { Volumes } from './volumes.js'

/**
 * Who the container's process is, as its root names users. The root is looked at through the
 * namespace of the monitor, where it is mounted.
 * @param monitor its process id.
 * @throws ContainerError for a user whom the root does not know, FsError.
 */
export function identityIn({ record }: Container, monitor: number): Identity {
  const root = openMountedRoot(monitor)
  try {
    return identityOf(record.process.user, root)
  } finally {
    close(root)
  }
}

/**
 * Writes the bundle.
 * @param monitor process id of who has the root mounted.
 * @param known what identityIn has said; null where it has not been asked.
 * @throws ContainerError, FsError, as identityIn.
 */
export async function prepareBundle(
  containers: Containers,
  container: Container,
  monitor: number,
  known: Identity | null,
): Promise<void> {
  const { record, folder } = container
  const volumes = new Volumes(containers)
  const root = openMountedRoot(monitor)
  try {
    for (const mount of record.mounts)
      if (mount.type === 'volume') await volumes.fill(mount.name, root, mount.target)
    const config = runtimeConfig(record, {
      identity: known ?? identityOf(record.process.user, root),
      held: heldCapabilities(),
      folder,
      volume: name => volumes.data(name),
      unified: isUnified(),
    })
    const bytes = Buffer.from(`${JSON.stringify(config, null, 2)}\n`, 'latin1')
    for (const name of OWN_FILES) write(container, name, contentsOf(name, record))
    write(container, 'config.json', bytes)
  } finally {
    close(root)
  }
}

/** Made anew with each start: nothing waits for the disk. */
function write(container: Container, name: string, bytes: Buffer): void {
  fs.writeFileSync(nodePath(container.file(name)), bytes, { mode: 0o644 })
}

/** Our own effective ones: nobody can give more. */
export function heldCapabilities(): bigint {
  const sets = new Uint32Array(6)
  const result = capget(sets)
  if (result < 0) throw new FsError(result, 'capget')
  // Effective, permitted, inheritable; then the same for capabilities 32 and up.
  return BigInt(sets[0] ?? 0) | (BigInt(sets[3] ?? 0) << 32n)
}

function contentsOf(
  name: (typeof OWN_FILES)[number],
  { network, hostname }: ContainerRecord,
): Buffer {
  if (name === 'hostname') return Buffer.from(`${hostname}\n`, 'latin1')
  const own = name === 'hosts' ? ownHosts(hostname) : Buffer.alloc(0)
  return network === 'host' ? (hostFile(name) ?? own) : own
}

function ownHosts(hostname: string): Buffer {
  return Buffer.from(
    `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${hostname}\n`,
    'latin1',
  )
}

/** With the host's network a container names hosts as the host does. */
function hostFile(name: string): Buffer | null {
  try {
    return fs.readFileSync(nodePath(`/etc/${name}`))
  } catch {
    return null
  }
}
