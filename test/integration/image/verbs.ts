// The plyfs command on a store of the test's own, and other people's tools beside it.
import * as fs from 'node:fs'
import type { Test } from 'tap'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran, type RunOptions } from '../../helpers/run.js'
import { temporary } from '../../helpers/store.js'

/** Commands on one store. */
export interface Shop {
  readonly folder: string
  readonly root: string
  /** Runs a verb; it must succeed. Its standard output. */
  readonly plyfs: (...args: string[]) => Promise<string>
  /** Runs a verb, whatever becomes of it. */
  readonly tries: (args: readonly string[], options?: RunOptions) => Promise<Ran>
}

export function openShop(t: Test): Shop {
  const folder = temporary(t, 'shop')
  const root = `${folder}/store`
  // No configuration of the machine's, and none of its users'.
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: `${folder}/config` }
  const withRoot = (args: readonly string[]): string[] => {
    const [verb = '', ...rest] = args
    if (verb !== 'image') return [verb, '--root', root, ...rest]
    const [sub = '', ...more] = rest
    return [verb, sub, '--root', root, ...more]
  }
  const tries = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    run(plyfsProgram(), withRoot(args), { limit: 110_000, env, ...options })
  return {
    folder,
    root,
    tries,
    plyfs: (...args) => must(plyfsProgram(), withRoot(args), { limit: 110_000, env }),
  }
}

/** Tools with long work. */
export function tool(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  return must(program, args, { limit: 110_000, env: { ...process.env, ...env } })
}

/** podman with a storage of its own; its environment. */
export function podmanStorage(folder: string): NodeJS.ProcessEnv {
  const base = `${folder}/podman`
  fs.mkdirSync(base, { recursive: true })
  fs.writeFileSync(
    `${base}/storage.conf`,
    `[storage]\ndriver = "vfs"\ngraphroot = "${base}/root"\nrunroot = "${base}/run"\n`,
  )
  fs.writeFileSync(
    `${base}/containers.conf`,
    '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n',
  )
  return {
    CONTAINERS_STORAGE_CONF: `${base}/storage.conf`,
    CONTAINERS_CONF: `${base}/containers.conf`,
  }
}
