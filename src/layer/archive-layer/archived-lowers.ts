// The lower layers of an image in an archive: from plain data to layers as the overlay has them.
import { Layer } from '../layer.js'
import type { LayerFormat } from '../format.js'
import { forgetVolume, serveVolume } from '../object-calls.js'
import { ArchiveIndex } from './archive-index.js'
import { ArchiveVolume } from './archive-volume.js'
import { openPlace, type TarPlace } from './tar-place.js'

/** Where a layer comes from, for `plyfs which`. */
export interface ArchivedOrigin {
  readonly digest: string
  readonly diffId: string
  readonly chainId: string
  /** Bytes. */
  readonly createdBy: string | null
  readonly created: string | null
}

export interface ArchivedLower {
  /** What messages call it, bytes: the archive's path and the layer's digest. */
  readonly label: string
  /** What `buildArchiveIndex` made. */
  readonly index: Uint8Array
  readonly place: TarPlace
  readonly origin: ArchivedOrigin
}

export interface ArchivedLowers {
  /** The archive's path, bytes. */
  readonly archive: string
  /** 16 bytes that say which image it is, the same at every mount. */
  readonly uuid: Uint8Array
  /** Topmost first. */
  readonly layers: readonly ArchivedLower[]
}

/** @throws LayerRefusal, or FsError EUCLEAN for an index that is none. */
export function openArchiveVolume(
  { uuid, layers }: ArchivedLowers,
  format: LayerFormat,
): ArchiveVolume {
  const opened = layers.map(({ index, place }, i) => ({
    index: new ArchiveIndex(
      Buffer.from(index.buffer, index.byteOffset, index.byteLength),
    ),
    tar: openPlace(place, i),
  }))
  return new ArchiveVolume(opened, format, uuid)
}

/** The layers, topmost first, and what takes their descriptors back. */
export function openArchivedLowers(
  lowers: ArchivedLowers,
  format: LayerFormat,
): { readonly layers: Layer[]; readonly close: () => void } {
  const volume = openArchiveVolume(lowers, format)
  const base = serveVolume(volume)
  const layers = lowers.layers.map(({ label, origin }, i) => {
    const layer = new Layer(label, base + volume.rootOf(i), -1)
    layer.origin = origin
    return layer
  })
  return {
    layers,
    close: () => {
      forgetVolume(volume)
    },
  }
}
