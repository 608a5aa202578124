// What a container has written, on what: the arguments of everything that reads a writable layer.
import type { DiffOptions } from '../image/diff/upper-to-tar.js'
import { storeLayerFormat } from '../image/export.js'
import type { Store } from '../image/store/store.js'
import { nodePath } from '../image/store/store-place.js'
import * as fs from 'node:fs'
import type { Container } from './containers.js'

/** The layer for the runtime's needs counts as the image's. */
export function writtenBy(store: Store, container: Container): DiffOptions {
  const { record } = container
  const { diffIds } = store.configOf(store.resolve(record.image))
  const upper = container.file('rw/upper')
  return {
    // A root that is read-only has no upper; the empty work directory changes nothing either.
    upper: fs.existsSync(nodePath(upper)) ? upper : container.file('rw/work'),
    index: container.file('rw/work/index'),
    parents: [container.file('init'), ...store.layers.paths(diffIds)],
    format: storeLayerFormat(store),
  }
}
