// The two things that can be mounted, as `Mounts` makes them: an image by its name, and directories.
import { silent } from '../image/progress.js'
import type { Store } from '../image/store/store.js'
import { MountError } from '../mount/mount-error.js'
import { mountNamed, type NamedMount } from '../mount/mount-named.js'
import { type MountCommand, openMount } from '../mount/open-mount.js'
import type { Making, Shown } from './mounts.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface WhatToMount {
  readonly shown: Shown
  readonly make: Making
}

/** @param cwd what relative paths are relative to. */
export function imageMount(
  store: Store,
  request: NamedMount,
  env: Environment,
  cwd: string,
): WhatToMount {
  const { image, writable } = request
  const make: Making = serve =>
    mountNamed(store, request, { env, cwd, progress: silent, serve })
  return { shown: { image, writable }, make }
}

/** @param note takes lines for the caller's standard error. */
export function directoriesMount(
  command: MountCommand,
  env: Environment,
  cwd: string,
  note: (line: string) => void,
): WhatToMount {
  const make: Making = async serve => {
    const plan = await openMount(command, env, note, cwd)
    if (plan !== null) return serve(plan)
    throw new MountError(
      'remount changes a mount and makes none',
      'remount without the daemon',
    )
  }
  return { shown: { image: null, writable: null }, make }
}
