// `plyfs push [-a] [-q] NAME[:TAG]`: one tag, or every tag of a repository, to its registry.
import { ImageError } from '../../image/model/errors.js'
import { fullName, repositoryName, splitReference } from '../../image/model/reference.js'
import { push as pushImages } from '../../image/push.js'
import { printLine } from '../output.js'
import { withRegistries } from './registry-session.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface PushFlags extends StoreFlags {
  readonly allTags?: boolean
  readonly quiet?: boolean
}

/** Prints what is on the registry now; 0. Throws an ImageError. */
export async function push(name: string, flags: PushFlags): Promise<number> {
  const { quiet = false, allTags = false } = flags
  if (allTags && splitReference(name).tag !== undefined)
    throw new ImageError('invalid', `${name}: all tags and one of them cannot be meant`)
  await withRegistries(quiet, async ({ network, progress }) => {
    const store = await openStore(flags)
    const pushed = await pushImages(store, name, network, progress)
    for (const { reference, digest } of pushed)
      printLine(quiet ? fullName(reference) : `${reference.tag ?? ''}: digest: ${digest}`)
    const [first] = pushed
    if (!quiet && first !== undefined && splitReference(name).tag === undefined)
      printLine(`${counted(pushed.length)} of ${repositoryName(first.reference)}`)
  })
  return 0
}

function counted(tags: number): string {
  return tags === 1 ? '1 tag' : `${tags} tags`
}
