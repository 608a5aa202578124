// Opens what another mount may still have: the kernel takes a mount apart after its last user has
// gone, and tells nobody when it is done.
import { MountError } from '../mount-error.js'

/** The same thing is mounted already. */
export class MountBusy extends MountError {}

/** Milliseconds that a mount whose users have gone may take to end. */
const PATIENCE = 5000
const RETRY_MS = 10

/**
 * A descriptor, as soon as it can be had.
 * @param open throws a MountBusy as long as another mount is there.
 * @throws what `open` throws; a MountBusy only after some seconds.
 */
export async function whenFree(open: () => number): Promise<number> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof MountBusy) || performance.now() >= deadline) throw error
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}
