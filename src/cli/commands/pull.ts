// `plyfs pull [-a] [-q] [--platform P] NAME...`: images from registries.
import { candidateReferences } from '../../image/config/short-names.js'
import { parsePlatform } from '../../image/model/platform.js'
import { familiarName, fullName } from '../../image/model/reference.js'
import { pull as pullImages, type Pulled } from '../../image/pull.js'
import { Store } from '../../image/store/store.js'
import { printLine } from '../output.js'
import { withRegistries } from './registry-session.js'

export interface PullFlags {
  readonly root?: string
  readonly allTags?: boolean
  readonly platform?: string
  readonly quiet?: boolean
}

/** Prints what the names mean now; 0. Throws an ImageError. */
export async function pull(names: readonly string[], flags: PullFlags): Promise<number> {
  const { root, quiet = false, allTags = false } = flags
  const platform =
    flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }
  await withRegistries(quiet, async ({ settings, network, progress }) => {
    const store = await Store.open({
      create: true,
      names: { candidates: text => candidateReferences(text, settings) },
      ...(root === undefined ? {} : { root }),
    })
    for (const name of names) {
      const options = { allTags, ...platform }
      for (const one of await pullImages(store, name, options, network, progress)) {
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
