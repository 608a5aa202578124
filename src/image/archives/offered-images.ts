// The images that an archive offers, whichever of its kinds it is, by what its documents say. Pure but
// for the documents.
import { type ImageConfig, parseConfig } from '../model/config.js'
import { type Digest, digestOf } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { hostPlatform } from '../model/platform.js'
import type { Reference } from '../model/reference.js'
import {
  type Documents,
  isDockerArchive,
  listedImages,
} from '../sources/docker-archive.js'
import { blobName, isLayout, layoutImages } from '../sources/oci-layout.js'
import { linksOf } from '../store/add-image.js'
import type { ArchiveName } from './open-archive.js'

/** An image of the archive, its layers base first. */
export interface Offered {
  readonly id: Digest
  readonly config: ImageConfig
  readonly names: readonly Reference[]
  readonly layers: readonly {
    readonly name: string
    /** Null where no manifest names it. */
    readonly blob: { readonly digest: Digest; readonly size: number } | null
  }[]
}

/** As the command line writes the kind of an archive that it does not name. */
export function kindOf(documents: Documents, isFolder: boolean): string {
  if (isFolder) return 'oci'
  return isLayout(documents) ? 'oci-archive' : 'docker-archive'
}

/** Throws an ImageError for what is no archive of the kind that was named. */
export function offered(
  documents: Documents,
  name: ArchiveName,
  isFolder: boolean,
): Offered[] {
  const { kind, path } = name
  if (isFolder && (kind === 'docker-archive' || kind === 'oci-archive'))
    throw new ImageError('invalid', `${path} is a folder; write oci:${path}`)
  if (!isFolder && kind === 'oci')
    throw new ImageError('invalid', `${path} is a file; write oci-archive:${path}`)
  // Docker 25 and later writes both; the layout has the manifests.
  if (kind !== 'docker-archive' && isLayout(documents)) return layoutOffers(documents)
  if (kind !== 'oci' && kind !== 'oci-archive' && isDockerArchive(documents))
    return dockerOffers(documents)
  throw new ImageError(
    'malformed',
    isFolder
      ? `${path} is a folder, but no OCI layout`
      : `${path} is no image archive of this kind: it has no ${kind === 'oci-archive' ? 'index.json' : 'manifest.json'} ('plyfs import' takes the tar of a root filesystem)`,
  )
}

function layoutOffers(documents: Documents): Offered[] {
  const files = { ...documents, bring: () => null }
  return layoutImages(files, hostPlatform()).map(({ image, names }) => {
    const id = digestOf(image.config)
    const config = parseConfig(image.config, `config ${id}`)
    linksOf(config.diffIds, image.layers)
    const layers = image.layers.map(({ digest, size }) => ({
      name: blobName(digest),
      blob: { digest, size },
    }))
    return { id, config, names, layers }
  })
}

function dockerOffers(documents: Documents): Offered[] {
  return listedImages(documents).map(({ config, parsed, layers, names }) => ({
    id: digestOf(config),
    config: parsed,
    names,
    layers: layers.map(name => ({ name, blob: null })),
  }))
}
