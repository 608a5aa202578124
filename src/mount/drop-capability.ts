// CAP_SYS_RESOURCE goes from the calling thread: with it a root daemon would write past quotas
// that hold for everybody else (ovl_fill_super drops it from its credentials too).
import { CAP_SYS_RESOURCE } from '../sys/constants.js'
import { capget, capset } from '../sys/credentials.js'

/** Threads made later inherit the loss. Without capabilities there is nothing to drop. */
export function dropResourceCapability(): void {
  const sets = new Uint32Array(6)
  if (capget(sets) < 0) return
  const bit = 1 << CAP_SYS_RESOURCE
  if (((sets[0] ?? 0) & bit) === 0) return
  sets[0] = (sets[0] ?? 0) & ~bit
  capset(sets)
}
