// From a request to what the kernel is told about the mount: flags, who may use it, how it is
// named. Pure.
import { MS_NOATIME, MS_NODEV, MS_NOSUID, MS_RDONLY } from '../sys/constants.js'
import type { Circumstances } from './circumstances.js'
import { MountError } from './mount-error.js'
import type { DeviceMount } from './mount-plan.js'
import type { MountRequest } from './mount-request.js'

/**
 * @param source the SPEC of a mount helper or of the verb's optional argument; null for none.
 * @param readOnly whether the overlay has no upper: the superblock is read-only then, as the
 *   kernel's overlay is, whatever `rw` says.
 */
export function planDevice(
  request: MountRequest,
  given: Circumstances,
  source: string | null,
  readOnly: boolean,
): DeviceMount {
  const flags = (defaultFlags(given) & ~request.flagsOff) | request.flagsOn
  const subtype = request.subtype ?? given.program
  return {
    source: request.source ?? source ?? subtype,
    subtype,
    flags: readOnly ? flags | MS_RDONLY : flags,
    propagation: choosePropagation(request, given),
    allowOther: chooseOthers(request, given),
    maxRead: request.maxRead,
    securityContext: chooseContext(request, given),
    privileged: given.mayMount,
  }
}

/** fuse-native does not say who calls: it has to be who has mounted. */
function chooseOthers(request: MountRequest, given: Circumstances): boolean {
  return request.allowOther ?? (given.uid === 0 && request.transport === 'device')
}

/** libfuse begins with nosuid and nodev, fuse-overlayfs adds noatime, and suid for root. */
function defaultFlags(given: Circumstances): number {
  if (given.form !== 'drop-in') return given.mayMount ? 0 : MS_NOSUID | MS_NODEV
  return MS_NOATIME | MS_NODEV | (given.uid === 0 ? 0 : MS_NOSUID)
}

/** buildah sends `private` to fuse-overlayfs, which does nothing with it. */
function choosePropagation(request: MountRequest, given: Circumstances): number {
  if (given.form === 'drop-in') return 0
  if (request.propagation !== 0 && !given.mayMount) {
    throw new MountError(
      'the propagation of a mount (private, shared, slave) is for root to set',
      'leave the option out',
    )
  }
  return request.propagation
}

/** fuse-overlayfs takes `context=` and drops it; in our own forms it has to work or be refused. */
function chooseContext(request: MountRequest, given: Circumstances): readonly string[] {
  if (request.securityContext.length === 0 || given.form === 'drop-in') return []
  const [first = ''] = request.securityContext
  if (!given.selinux) {
    throw new MountError(
      `${first} needs SELinux, which does not run here`,
      'leave it out',
    )
  }
  if (!given.mayMount) {
    throw new MountError(`${first} is for root to set`, 'leave it out')
  }
  return request.securityContext
}
