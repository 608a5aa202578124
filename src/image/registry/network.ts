// What the requests of one command share: settings, credentials' places, connections, patience.
import type { Environment } from '../config/environment.js'
import type { Settings } from '../config/settings.js'
import { usualPolicy } from './backoff.js'
import type { Network } from './client.js'
import { Connections } from './connections.js'

/**
 * A network whose `connections` the caller closes.
 * @param note where a line about waiting and trying again goes.
 */
export function openNetwork(
  environment: Environment,
  settings: Settings,
  note: (line: string) => void,
): Network {
  return {
    environment,
    settings,
    note,
    policy: usualPolicy,
    connections: new Connections(environment),
  }
}
