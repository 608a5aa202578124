// Servers in the test's own process, on the loopback.
import { once } from 'node:events'
import type { Server } from 'node:net'

export interface Listening {
  /** HOST:PORT. */
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/** Resolves when the server listens on a free port of the loopback. */
export async function listen(
  server: Server & { closeAllConnections?: () => void },
): Promise<Listening> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const { port } = address
  return {
    host: `127.0.0.1:${port}`,
    port,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections?.()
      await closed
    },
  }
}
