// The suites: a folder of test files each, how long one may take, and what the machine must offer.
// A new test file needs no entry here; a new folder does.

/** What a suite asks of the machine; the order is the order in which a lack is told. */
export type Need = 'root' | 'fuse'

export interface Suite {
  readonly name: string
  /** Below test/, searched to its depth for *.test.ts. */
  readonly folder: string
  /**
   * Seconds one file may take before it is ended: many times what it takes on a quiet machine,
   * since a busy one is no failure. What hangs is noticed earlier (test/helpers/isolated.ts).
   */
  readonly limit: number
  readonly needs: readonly Need[]
  /** Each file gets a mount namespace of its own, so that what it mounts goes with it. */
  readonly mounts: boolean
}

export const suites: readonly Suite[] = [
  plain('architecture', 30),
  plain('unit', 60),
  { ...plain('native', 60), needs: ['root'], mounts: true },
  mounting('integration', 300),
  mounting('conformance', 600),
  mounting('security', 120),
  mounting('exerciser', 180),
  mounting('fuzz', 900),
]

/** Files that only wait: they run beside the others, in a lane of their own. */
export function onlyWaits(file: string): boolean {
  return file === 'test/integration/mount/idle.test.ts'
}

/** What the other versions of Node.js are given too: all that needs no mount, and two mounts. */
export function onEveryNode(file: string): boolean {
  return /^test\/(unit|native)\//.test(file) || MOUNTS.includes(file)
}

/** One by each transport: the addon of fuse-native is older than these versions. */
const MOUNTS = [
  'test/integration/mount/round-trip.test.ts',
  'test/integration/mount/fuse-native.test.ts',
]

function plain(name: string, limit: number): Suite {
  return { name, folder: name, limit, needs: [], mounts: false }
}

function mounting(name: string, limit: number): Suite {
  return {
    name,
    folder: name,
    limit,
    needs: ['root', 'fuse'],
    mounts: true,
  }
}
