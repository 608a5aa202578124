// Debian's docker-registry on the loopback, as a process of the test's own: its configuration is
// written, it is started, and it can be killed and started again on the same storage.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { must } from '../run.js'
import type { Pair } from './certificates.js'

export interface RegistryOptions {
  readonly tls?: Pair
  /** PEM file of the authority that clients' certificates have to be of. */
  readonly clients?: string
  /** Name and password that htpasswd knows. */
  readonly user?: readonly [name: string, password: string]
  readonly token?: {
    readonly realm: string
    readonly service: string
    readonly issuer: string
    /** PEM file of the certificate that tokens are signed with. */
    readonly certificate: string
  }
  /** Instead of a free one. */
  readonly port?: number
  /** Of the loopback; 127.0.0.1 unless told. */
  readonly address?: string
}

export class DockerRegistry {
  readonly port: number
  private readonly config: string
  private child: ChildProcess | undefined

  private constructor(port: number, config: string) {
    this.port = port
    this.config = config
  }

  /** HOST:PORT with the loopback's address. */
  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Writes the configuration into the directory, where the storage is too, and starts. */
  static async start(
    directory: string,
    options: RegistryOptions = {},
  ): Promise<DockerRegistry> {
    fs.mkdirSync(directory, { recursive: true })
    const port = options.port ?? (await freePort())
    const config = path.join(directory, 'config.json')
    fs.writeFileSync(
      config,
      JSON.stringify(await configuration(directory, port, options), null, 2),
    )
    const registry = new DockerRegistry(port, config)
    await registry.restart()
    return registry
  }

  /** Starts it (again); resolves when it listens. */
  async restart(): Promise<void> {
    const child = spawn('docker-registry', ['serve', this.config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    })
    this.child = child
    const said: string[] = []
    const lines = createInterface({ input: child.stderr })
    await new Promise<void>((resolve, reject) => {
      lines.on('line', line => {
        said.push(line)
        if (line.includes('listening on')) resolve()
      })
      child.once('error', reject)
      child.once('exit', () =>
        reject(new Error(`docker-registry ended: ${said.join('\n')}`)),
      )
    })
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined) return
    const ended = once(child, 'exit')
    // False for one that has ended already.
    if (child.kill('SIGKILL')) await ended
  }
}

async function configuration(
  directory: string,
  port: number,
  { tls, clients, user, token, address = '127.0.0.1' }: RegistryOptions,
): Promise<unknown> {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: path.join(directory, 'data') },
      delete: { enabled: true },
    },
    http: {
      addr: `${address}:${port}`,
      secret: 'of the test',
      ...(tls === undefined
        ? {}
        : {
            tls: {
              certificate: tls.certificate,
              key: tls.key,
              ...(clients === undefined ? {} : { clientcas: [clients] }),
            },
          }),
    },
    ...(user === undefined
      ? {}
      : { auth: { htpasswd: { realm: 'test', path: await htpasswd(directory, user) } } }),
    ...(token === undefined
      ? {}
      : { auth: { token: { ...token, rootcertbundle: token.certificate } } }),
  }
}

async function htpasswd(
  directory: string,
  [name, password]: readonly [string, string],
): Promise<string> {
  const file = path.join(directory, 'htpasswd')
  fs.writeFileSync(file, await must('htpasswd', ['-Bbn', name, password]))
  return file
}

/** A port of the loopback that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
