// Writes what `docker load`, `podman load` and skopeo's docker-archive read: configs, layers as
// plain tars under their diff ids, and manifest.json (Docker image specification 1.2). Reproducible.
import { type ByteSource, bytesOf } from '../../bytes/byte-source.js'
import { TarWriter } from '../../tar/writer.js'
import { type Digest, hexOf } from '../model/digest.js'
import { familiarName, parseReference } from '../model/reference.js'
import type { Store } from '../store/store.js'
import { fileMember } from './archive-entry.js'
import { layerTar, layerTarSize } from './layer-tar.js'
import type { SavedImage } from './saved-image.js'

/** The archive's bytes. Layers that images share are there once. */
export async function* dockerArchive(
  store: Store,
  images: readonly SavedImage[],
  onBytes: (count: number) => void,
): ByteSource {
  const tar = new TarWriter()
  const written = new Set<Digest>()
  for (const { record, links, config } of images) {
    const chain = store.layers.chainOf(config)
    for (const [i, link] of links.entries()) {
      const chainId = chain[i]
      if (chainId === undefined || written.has(link.diffId)) continue
      written.add(link.diffId)
      const size = await layerTarSize(store, link, chainId)
      const contents = counted(layerTar(store, link), onBytes)
      yield* fileMember(tar, layerName(link.diffId), size, contents)
    }
    if (written.has(record.id)) continue
    written.add(record.id)
    const bytes = store.blobs.read(record.id)
    yield* fileMember(tar, configName(record.id), bytes.length, bytesOf(bytes))
  }
  const list = Buffer.from(JSON.stringify(images.map(listed)), 'utf8')
  yield* fileMember(tar, 'manifest.json', list.length, bytesOf(list))
  yield tar.end()
}

function listed({ record, names, links }: SavedImage): unknown {
  return {
    Config: configName(record.id),
    RepoTags:
      names.length === 0 ? null : names.map(name => familiarName(parseReference(name))),
    Layers: links.map(({ diffId }) => layerName(diffId)),
  }
}

function configName(id: Digest): string {
  return `${hexOf(id)}.json`
}

function layerName(diffId: Digest): string {
  return `${hexOf(diffId)}.tar`
}

async function* counted(
  source: ByteSource,
  onBytes: (count: number) => void,
): ByteSource {
  for await (const piece of source) {
    onBytes(piece.length)
    yield piece
  }
}
