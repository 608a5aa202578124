// What a container has written, on what, for those who read its writable layer. While they do, its
// processes may be frozen.
import * as fs from 'node:fs'
import { FsError } from '../errno/fs-error.js'
import type { WrittenLayer } from '../image/diff/written-layer.js'
import type { Store } from '../image/store/store.js'
import { upperFormat } from '../image/written.js'
import { nodePath } from '../image/store/store-place.js'
import { isWholeTree, withTree } from '../mount/drivers/with-tree.js'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../sys/constants.js'
import { close, openat2, syncfs } from '../sys/file.js'
import type { Container } from './containers.js'
import { whileFrozen } from './freeze.js'
import { stateOf } from './state.js'

/**
 * Hands the layer to a reader, which is done when it returns, or what it returns is fulfilled. The
 * layer for the runtime's needs counts as the image's.
 * @param freezes nothing is written meanwhile.
 * @throws what the reader throws, ContainerError, MountError, ImageError.
 */
export function withWrittenBy<Result>(
  store: Store,
  container: Container,
  freezes: boolean,
  read: (layer: WrittenLayer) => Result | Promise<Result>,
): Promise<Result> {
  const work = (): Promise<Result> =>
    flushed(container, () => readLayer(store, container, read))
  return freezes ? whileFrozen(container, work) : work()
}

async function readLayer<Result>(
  store: Store,
  container: Container,
  read: (layer: WrittenLayer) => Result | Promise<Result>,
): Promise<Result> {
  const { record } = container
  if (isWholeTree(record.driver)) {
    const inventory = container.file('rw/inventory')
    return withTree(container.file('rw'), record.driver, tree =>
      read({ tree, inventory }),
    )
  }
  const { diffIds } = store.configOf(store.resolve(record.image))
  const upper = container.file('rw/upper')
  return read({
    // A root that is read-only has no upper; the empty work directory changes nothing either.
    upper: fs.existsSync(nodePath(upper)) ? upper : container.file('rw/work'),
    index: container.file('rw/work/index'),
    parents: [container.file('init'), ...store.layers.paths(diffIds)],
    format: upperFormat(store, record.driver),
  })
}

function flushed<Result>(
  container: Container,
  work: () => Promise<Result>,
): Promise<Result> {
  const state = stateOf(container)
  if (state.kind === 'running' || state.kind === 'paused') flush(state.pid)
  return work()
}

/** Pages that were written through a mapping reach the writable layer. */
function flush(pid: number): void {
  const path = `/proc/${pid}/root`
  const root = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (root < 0) throw new FsError(root, 'open', path)
  const result = syncfs(root)
  close(root)
  if (result < 0) throw new FsError(result, 'syncfs', path)
}
