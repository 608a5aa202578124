// Who serves the root filesystem of a container that starts: a process of its own, or one that has
// others too.
import type { LayerCheck, VerifyMode } from '../image/verify.js'
import type { Container, Containers } from './containers.js'

export interface RootToServe {
  /** A connected socket, its other end the monitor's; the server's from here on. */
  readonly lifeline: number
  readonly verify: VerifyMode
  /** A check of the image's layers that has begun already, in this process; null: none has. */
  readonly check: LayerCheck | null
  /** Fulfilled when the bootfs is mounted: nothing is mounted before. Rejected when it never will be. */
  readonly bootfs: Promise<void>
  /** Is told of each stage; microseconds, bytes of memory. */
  readonly onStage: (stage: string, us: number, bytes: number) => void
}

export interface ServedRoot {
  /** Fulfilled when its thread or process has begun, or never will: the monitor may be started. */
  readonly begun: Promise<void>
  /** Fulfilled when the root is mounted, checked, and writable where it is to be. */
  readonly served: Promise<void>
  /** Fulfilled when nothing of it is left, and the container is settled. */
  readonly cleared: Promise<void>
  /** When it has ended: what it said when it gave up; null where it did not. */
  complaint(): Promise<string | null>
  /** The container's process runs: nobody waits for the start any more. */
  hasStarted(): void
  /** The caller goes; what is served stays. */
  letGo(): void
}

export type RootServer = (
  containers: Containers,
  container: Container,
  root: RootToServe,
) => ServedRoot
