// `plyfs inspect [-f TEMPLATE] IMAGE...`: everything about images, in Docker's shape.
import { ImageError } from '../../image/model/errors.js'
import { familiarName, parseReference } from '../../image/model/reference.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { usersOf } from '../../image/remove.js'
import { asBytes, printError, printLine } from '../output.js'
import { template } from '../template/run.js'
import { textOfBytes } from '../bytes-text.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface InspectFlags extends StoreFlags {
  readonly format?: string
  readonly type?: string
}

/** Prints a JSON list, or the template's text for each; 0, or 1 when one is not there. */
export async function inspect(
  images: readonly string[],
  flags: InspectFlags,
): Promise<number> {
  if (flags.type !== undefined && flags.type !== 'image')
    throw new ImageError('invalid', `--type ${flags.type}: there are images only`)
  const run = flags.format === undefined ? null : formatter(flags.format)
  const store = await openStore(flags)
  const found: unknown[] = []
  let status = 0
  for (const image of images) {
    try {
      found.push(describe(store, store.resolve(image)))
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      printError(asBytes(`plyfs: ${error.message}`))
      status = 1
    }
  }
  if (run === null) printLine(asBytes(JSON.stringify(found, null, 4)))
  else for (const one of found) printLine(asBytes(run(one)))
  return status
}

function formatter(format: string): (value: unknown) => string {
  const text = Buffer.from(format, 'latin1').toString('utf8')
  return text === 'json' ? value => JSON.stringify(value) : template(text)
}

function describe(store: Store, record: ImageRecord): unknown {
  const { variants, names, digests, size, added } = record
  const config = store.configOf(record)
  const { document } = config
  const layers = store.layers.chainOf(config)
  const [upper, ...lower] = layers
    .map(id => textOfBytes(store.layers.path(id)))
    .toReversed()
  const { os, architecture, variant } = config.platform
  return {
    Id: record.id,
    RepoTags: names.map(shown),
    RepoDigests: digests.map(shown),
    Parent: '',
    Comment: config.history.at(-1)?.comment ?? '',
    Created: config.created ?? '',
    DockerVersion: document['docker_version'] ?? '',
    Author: config.author ?? '',
    Config: config.run,
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    Size: size,
    VirtualSize: size,
    GraphDriver: {
      Name: 'plyfs',
      Data: {
        UpperDir: upper ?? '',
        ...(lower.length === 0 ? {} : { LowerDir: lower.join(':') }),
      },
    },
    RootFS: { Type: 'layers', Layers: config.diffIds },
    Metadata: { LastTagTime: added },
    Manifests: variants.map(({ manifest, source, indexes }) => ({
      Manifest: manifest.digest,
      Source: source.digest,
      MediaType: source.mediaType,
      Indexes: indexes.map(({ digest }) => digest),
    })),
    Users: usersOf(store, record.id).map(({ kind, name }) => ({
      Kind: kind,
      Name: name,
    })),
  }
}

function shown(name: string): string {
  return familiarName(parseReference(name))
}
