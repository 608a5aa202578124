// What the verbs that talk to registries have in common: configuration, network, progress, and the
// end of all of them.
import { currentEnvironment, type Environment } from '../../image/config/environment.js'
import { loadConfiguration } from '../../image/config/configuration.js'
import type { Settings } from '../../image/config/settings.js'
import type { Network } from '../../image/registry/client.js'
import { openNetwork } from '../../image/registry/network.js'
import { type ShownProgress, showProgress } from '../progress.js'

export interface Session {
  readonly environment: Environment
  readonly settings: Settings
  readonly network: Network
  readonly progress: ShownProgress
}

/** Runs work with a network of its own, and closes it. */
export async function withRegistries<T>(
  quiet: boolean,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const environment = currentEnvironment()
  const settings = loadConfiguration(environment)
  const progress = showProgress(quiet)
  const network = openNetwork(environment, settings, line => progress.note(line))
  try {
    return await work({ environment, settings, network, progress })
  } finally {
    progress.close()
    network.connections.close()
  }
}
