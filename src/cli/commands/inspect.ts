// `plyfs inspect [-f TEMPLATE] NAME...`: everything about containers and images, in Docker's shape.
import { ContainerError } from '../../container/container-error.js'
import { type Container, Containers } from '../../container/containers.js'
import { ImageError } from '../../image/model/errors.js'
import { familiarName, parseReference } from '../../image/model/reference.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { usersOf } from '../../image/remove.js'
import { asBytes, printError, printLine } from '../output.js'
import { template } from '../template/run.js'
import { textOfBytes } from '../../bytes/bytes-text.js'
import { describeContainer } from './inspect-container.js'
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
  const { type } = flags
  if (type !== undefined && type !== 'image' && type !== 'container')
    throw new ImageError('invalid', `--type ${type}: it is image or container`)
  const run = flags.format === undefined ? null : formatter(flags.format)
  const store = await openStore(flags)
  const found: unknown[] = []
  let status = 0
  for (const image of images) {
    try {
      found.push(describeNamed(store, image, type))
    } catch (error) {
      if (error instanceof ContainerError) printError(`plyfs: ${error.message}`)
      else if (error instanceof ImageError) printError(asBytes(`plyfs: ${error.message}`))
      else throw error
      status = 1
    }
  }
  if (run === null) printLine(asBytes(JSON.stringify(found, null, 4)))
  else for (const one of found) printLine(asBytes(run(one)))
  return status
}

/** A container goes before an image of the same name. */
function describeNamed(store: Store, name: string, type: string | undefined): unknown {
  const containers = new Containers(store)
  if (type === 'container') return describeContainer(containers, containers.find(name))
  const container = type === 'image' ? null : findContainer(containers, name)
  return container === null
    ? describe(store, store.resolve(name))
    : describeContainer(containers, container)
}

function findContainer(containers: Containers, name: string): Container | null {
  try {
    return containers.find(name)
  } catch (error) {
    if (error instanceof ContainerError) return null
    throw error
  }
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
