// `tags`: what a registry says that a repository has. The registry itself is asked, never a mirror,
// which may be behind.
import { candidateReferences } from './config/short-names.js'
import { ImageError } from './model/errors.js'
import { type Reference, splitReference } from './model/reference.js'
import { type Network, RegistryClient } from './registry/client.js'
import { pullEndpoints } from './registry/endpoint.js'
import { firstOf } from './registry/first-of.js'
import { listTags } from './registry/paging.js'

export interface Tags {
  readonly reference: Reference
  /** In the registry's order. */
  readonly tags: readonly string[]
}

/** @throws ImageError. */
export async function tags(text: string, network: Network): Promise<Tags> {
  const { tag, digest } = splitReference(text)
  if (tag !== undefined || digest !== undefined)
    throw new ImageError('invalid', `${text}: write the repository alone`)
  return firstOf(candidateReferences(text, network.settings), async reference => {
    const origin = pullEndpoints(reference, network.settings).at(-1)
    if (origin === undefined) throw new Error('a name without an endpoint')
    const client = new RegistryClient(origin, network)
    const found: string[] = []
    for await (const name of listTags(client)) found.push(name)
    return { reference, tags: found }
  })
}
