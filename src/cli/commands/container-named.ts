// Names that may be a container's, for verbs that take other things, too.
import { ContainerError } from '../../container/container-error.js'
import { type Container, Containers } from '../../container/containers.js'
import type { Store } from '../../image/store/store.js'

/** A container goes before anything else of its name; null where there is none. */
export function containerNamed(store: Store, name: string): Container | null {
  try {
    return new Containers(store).find(name)
  } catch (error) {
    if (error instanceof ContainerError) return null
    throw error
  }
}
