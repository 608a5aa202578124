// `plyfs volume ls|rm|prune`.
import { ContainerError } from '../../container/container-error.js'
import { Volumes } from '../../container/volumes.js'
import { textOfBytes } from '../../bytes/bytes-text.js'
import { confirm } from '../confirm.js'
import { type ListFlags, renderList } from '../list-output.js'
import { asBytes, printError, printLine } from '../output.js'
import { openContainers } from './lifecycle.js'
import type { StoreFlags } from './store-session.js'

export interface VolumeFlags extends StoreFlags, ListFlags {
  readonly quiet?: boolean
  readonly force?: boolean
  readonly all?: boolean
}

export async function listVolumes(flags: VolumeFlags): Promise<number> {
  const volumes = new Volumes(await openContainers(flags))
  const rows = volumes.list().map(({ name, created, anonymous }) => ({
    Driver: 'local',
    Name: name,
    Mountpoint: textOfBytes(volumes.data(name)),
    CreatedAt: created,
    Anonymous: anonymous,
  }))
  const text =
    flags.quiet === true
      ? rows.map(({ Name }) => Name).join('\n')
      : renderList(
          rows,
          [
            ['DRIVER', 'Driver'],
            ['VOLUME NAME', 'Name'],
          ],
          flags,
        )
  if (text !== '') printLine(asBytes(text))
  return 0
}

export async function removeVolumes(
  names: readonly string[],
  flags: VolumeFlags,
): Promise<number> {
  const volumes = new Volumes(await openContainers(flags))
  let status = 0
  for (const name of names) {
    try {
      await volumes.remove(name)
      printLine(name)
    } catch (error) {
      if (!(error instanceof ContainerError)) throw error
      if (flags.force === true && volumes.open(name) === null) continue
      printError(`plyfs: ${error.message}`)
      status = 1
    }
  }
  return status
}

/** Those without a name that no container has; with -a the named ones too. */
export async function pruneVolumes(flags: VolumeFlags): Promise<number> {
  const what = flags.all === true ? 'all volumes' : 'all volumes without a name'
  if (
    flags.force !== true &&
    !(await confirm(
      `This will remove ${what} that no container uses. Are you sure? [y/N] `,
    ))
  )
    return 1
  const volumes = new Volumes(await openContainers(flags))
  for (const { name, anonymous } of volumes.list()) {
    if (!anonymous && flags.all !== true) continue
    if (volumes.usersOf(name).length > 0) continue
    await volumes.remove(name)
    printLine(name)
  }
  return 0
}
