// Which files hold credentials (containers-auth.json(5), and Docker's), and under which keys. Pure
// but for the variables; reads no file.
import * as path from 'node:path'
import { type Environment, userConfig, variable } from './environment.js'

/** The file that logins are written to: where podman and skopeo write them. */
export function primaryAuthFile(environment: Environment): string {
  const chosen = variable(environment, 'REGISTRY_AUTH_FILE')
  if (chosen !== undefined) return path.resolve(chosen)
  const docker = variable(environment, 'DOCKER_CONFIG')
  if (docker !== undefined) return path.join(docker, 'config.json')
  const runtime = variable(environment, 'XDG_RUNTIME_DIR')
  return path.join(runtime ?? `/run/containers/${environment.uid}`, ...below(runtime))
}

function below(runtime: string | undefined): string[] {
  return runtime === undefined ? ['auth.json'] : ['containers', 'auth.json']
}

/** All files that are asked, the primary one first. */
export function authFiles(environment: Environment): string[] {
  const docker =
    variable(environment, 'DOCKER_CONFIG') ?? path.join(environment.home, '.docker')
  return [
    primaryAuthFile(environment),
    userConfig(environment, 'containers', 'auth.json'),
    path.join(docker, 'config.json'),
    path.join(environment.home, '.dockercfg'),
  ].filter((file, i, all) => all.indexOf(file) === i)
}

/** The key of Docker Hub in Docker's own file and helpers. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'

/** Keys for a repository, the most specific first: HOST/PATH, its parents, HOST. */
export function keysFor(host: string, repository: string | undefined): string[] {
  const parts = repository === undefined ? [] : repository.split('/')
  return parts
    .map((_, i) => `${host}/${parts.slice(0, parts.length - i).join('/')}`)
    .concat(host)
}

/**
 * The host that a key of Docker's file means: it writes URLs (`https://HOST/v1/`), and Docker Hub
 * by names of its own. Undefined for a key with a path.
 */
export function hostOfKey(key: string): string | undefined {
  const host = key.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/*$/, '')
  if (host.includes('/')) return undefined
  return host === 'index.docker.io' || host === 'registry-1.docker.io'
    ? 'docker.io'
    : host
}
