// A user's place for plyfs and skopeo: home, configuration, store, and certificates where both look
// for them. For tests in a mount namespace of their own: /etc/containers is replaced inside it.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { scratch } from '../isolated.js'
import { plyfsProgram } from '../mounted.js'
import { must, run, type Ran, type RunOptions } from '../run.js'

export interface Place {
  readonly base: string
  readonly store: string
  readonly authFile: string
  readonly environment: NodeJS.ProcessEnv
  /** Runs plyfs; `--root STORE` is put behind the verbs that have a store. */
  plyfs(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** As `plyfs`, and fails where it does. */
  mustPlyfs(args: readonly string[], options?: RunOptions): Promise<string>
  mustSkopeo(args: readonly string[]): Promise<string>
  /** plyfs's own configuration file. */
  configure(toml: string): void
}

const WITH_STORE = ['pull', 'push', 'tag', 'images', 'rmi', 'load', 'save', 'inspect']

/** A fresh place below a directory. */
export function makePlace(directory: string, name: string): Place {
  const base = path.join(directory, name)
  const [home, store] = [path.join(base, 'home'), path.join(base, 'store')]
  const config = path.join(base, 'config.toml')
  const authFile = path.join(base, 'auth.json')
  fs.mkdirSync(home, { recursive: true })
  fs.writeFileSync(config, '')
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: home,
    PLYFS_CONFIG: config,
    REGISTRY_AUTH_FILE: authFile,
  }
  const plyfs = (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    const [verb = '', ...rest] = args
    const all = WITH_STORE.includes(verb) ? [verb, '--root', store, ...rest] : args
    return run(plyfsProgram(), all, { limit: 60_000, env: environment, ...options })
  }
  return {
    ...{ base, store, authFile, environment, plyfs },
    async mustPlyfs(args, options) {
      const ran = await plyfs(args, options)
      if (ran.status === 0) return ran.stdout
      throw new Error(`plyfs ${args.join(' ')}: ${ran.status ?? '?'} ${ran.stderr}`)
    },
    mustSkopeo: args => must('skopeo', args, { limit: 60_000, env: environment }),
    configure: toml => fs.writeFileSync(config, toml),
  }
}

/**
 * Lays an overlay over /etc, in this namespace alone: configuration of the machine's container
 * tools is hidden, `hosts` are names of the loopback, and `more` are lines of /etc/hosts.
 */
export async function privateEtc(
  hosts: readonly string[] = [],
  more = '',
): Promise<void> {
  const base = path.join(scratch(), 'etc')
  fs.mkdirSync(base)
  await must('mount', ['-t', 'tmpfs', 'tmpfs', base])
  for (const name of ['upper', 'work']) fs.mkdirSync(path.join(base, name))
  const layers = `lowerdir=/etc,upperdir=${base}/upper,workdir=${base}/work`
  await must('mount', ['-t', 'overlay', '-o', layers, 'overlay', '/etc'])
  for (const directory of ['/etc/containers', '/etc/docker', '/etc/plyfs'])
    fs.rmSync(directory, { recursive: true, force: true })
  fs.mkdirSync('/etc/containers')
  const policy = { default: [{ type: 'insecureAcceptAnything' }] }
  fs.writeFileSync('/etc/containers/policy.json', JSON.stringify(policy))
  const names = ['localhost', ...hosts].join(' ')
  fs.writeFileSync('/etc/hosts', `127.0.0.1 ${names}\n${more}`)
}

/** Puts an authority, and perhaps a client's certificate, where a host's are looked for. */
export function trust(
  host: string,
  authority: string,
  client?: { certificate: string; key: string },
  below = '/etc/containers',
): void {
  const directory = path.join(below, 'certs.d', host)
  fs.mkdirSync(directory, { recursive: true })
  fs.copyFileSync(authority, path.join(directory, 'ca.crt'))
  if (client === undefined) return
  fs.copyFileSync(client.certificate, path.join(directory, 'client.cert'))
  fs.copyFileSync(client.key, path.join(directory, 'client.key'))
}
