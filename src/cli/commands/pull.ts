// `plyfs pull [-a] [-q] [--platform P] NAME...`: images from registries.
import { parsePlatform } from '../../image/model/platform.js'
import { familiarName, fullName } from '../../image/model/reference.js'
import { pull as pullImages, type Pulled } from '../../image/pull.js'
import { recordImages } from '../../mount/record-images.js'
import { printLine } from '../output.js'
import { withRegistries } from './registry-session.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface PullFlags extends StoreFlags {
  readonly allTags?: boolean
  readonly platform?: string
  readonly quiet?: boolean
}

/** Prints what the names mean now; 0. Throws an ImageError. */
export async function pull(names: readonly string[], flags: PullFlags): Promise<number> {
  const { quiet = false, allTags = false } = flags
  const platform =
    flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }
  await withRegistries(quiet, async ({ network, progress }) => {
    const store = await openStore(flags)
    for (const name of names) {
      const options = { allTags, ...platform }
      const pulled = await pullImages(store, name, options, network, progress)
      await recordImages(
        store,
        pulled.map(({ record }) => record),
        process.env,
      )
      for (const one of pulled) {
        if (!quiet) describe(one)
        printLine(fullName(one.reference))
      }
    }
  })
  return 0
}

function describe({ reference, digest, isNew }: Pulled): void {
  const what = isNew ? 'Downloaded newer image for' : 'Image is up to date for'
  printLine(`Digest: ${digest}\nStatus: ${what} ${familiarName(reference)}`)
}
