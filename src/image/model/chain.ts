// Chain ids (OCI image specification, config.md, "Layer ChainID"): the name of a layer together
// with everything below it. Pure.
import { type Digest, digestOf } from './digest.js'

/** The chain id of each layer, base first: as many as diff ids. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = []
  let parent: Digest | undefined
  for (const diffId of diffIds) {
    parent = parent === undefined ? diffId : digestOf(`${parent} ${diffId}`)
    chain.push(parent)
  }
  return chain
}
