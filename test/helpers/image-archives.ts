// Images and archives of images made in memory, by hand: configs, layers, what `docker save` and an
// OCI layout hold. Shares no code with the product but the digests' shape.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { file, makeTar, type TarPiece } from './make-tar.js'

export interface MadeImage {
  readonly config: Buffer
  /** `sha256:...` of the config. */
  readonly id: string
  /** Uncompressed, base first. */
  readonly tars: readonly Buffer[]
  readonly diffIds: readonly string[]
}

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** An image of these layers; `more` goes into the config. */
export function makeImage(
  layers: readonly (readonly (TarPiece | Buffer)[])[],
  more: Readonly<Record<string, unknown>> = {},
): MadeImage {
  const tars = layers.map(pieces => makeTar(...pieces))
  const diffIds = tars.map(sha256)
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2024-01-02T03:04:05Z',
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: layers.map((_, i) => ({
        created: '2024-01-02T03:04:05Z',
        created_by: `step ${i + 1}`,
      })),
      ...more,
    }),
  )
  return { config, id: sha256(config), tars, diffIds }
}

const same = (bytes: Buffer): Buffer => bytes

/** What `docker save` writes, manifest.json last as podman and skopeo have it. */
export function dockerArchive(
  images: readonly {
    readonly image: MadeImage
    readonly tags: readonly string[] | null
  }[],
  how: {
    readonly gzipLayers?: boolean
    readonly pack?: (tar: Buffer) => Buffer
  } = {},
): Buffer {
  const pieces = new Map<string, TarPiece>()
  const list = images.map(({ image, tags }) => {
    const configName = `${image.id.slice(7)}.json`
    pieces.set(configName, file(configName, image.config.toString()))
    const names = image.tars.map((tar, i) => {
      const name = `${image.diffIds[i]?.slice(7) ?? ''}.tar`
      const pack = how.pack ?? (how.gzipLayers === true ? gzipSync : same)
      const data = pack(tar)
      pieces.set(name, { path: name, data })
      return name
    })
    return { Config: configName, RepoTags: tags, Layers: names }
  })
  const manifest = file('manifest.json', JSON.stringify(list))
  return makeTar(...pieces.values(), manifest)
}

export interface Layout {
  /** By name: `oci-layout`, `index.json`, `blobs/sha256/...`. */
  readonly files: ReadonlyMap<string, Buffer>
  /** Digest of the manifest. */
  readonly manifest: string
}

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const

/** The manifest of an image whose layers are gzipped, and its blobs by digest. */
export function manifestOf(
  image: MadeImage,
  kind: 'oci' | 'docker' = 'oci',
): { bytes: Buffer; mediaType: string; blobs: Map<string, Buffer> } {
  const types = TYPES[kind]
  const blobs = new Map<string, Buffer>([[image.id, image.config]])
  const layers = image.tars.map(tar => {
    const data = gzipSync(tar)
    blobs.set(sha256(data), data)
    return { mediaType: types.layer, digest: sha256(data), size: data.length }
  })
  // Blanks that no encoder writes: whoever writes the manifest anew is found out.
  const text = JSON.stringify(
    {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: image.id, size: image.config.length },
      layers,
    },
    null,
    3,
  )
  return { bytes: Buffer.from(text), mediaType: types.manifest, blobs }
}

/** An OCI layout of one image; `through` puts an index over it, with a platform for each. */
export function ociLayout(
  image: MadeImage,
  name: string | null,
  through: readonly { readonly image: MadeImage; readonly architecture: string }[] = [],
): Layout {
  const files = new Map<string, Buffer>([
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
  ])
  const add = (bytes: Buffer): { digest: string; size: number } => {
    files.set(`blobs/${sha256(bytes).replace(':', '/')}`, bytes)
    return { digest: sha256(bytes), size: bytes.length }
  }
  const addImage = (one: MadeImage): Record<string, unknown> => {
    const { bytes, mediaType, blobs } = manifestOf(one)
    for (const blob of blobs.values()) add(blob)
    return { mediaType, ...add(bytes) }
  }
  const indexType = 'application/vnd.oci.image.index.v1+json'
  const top =
    through.length === 0
      ? addImage(image)
      : {
          mediaType: indexType,
          ...add(
            Buffer.from(
              JSON.stringify({
                schemaVersion: 2,
                mediaType: indexType,
                manifests: through.map(one => ({
                  ...addImage(one.image),
                  platform: { os: 'linux', architecture: one.architecture },
                })),
              }),
            ),
          ),
        }
  const annotations =
    name === null ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }
  const index = { schemaVersion: 2, manifests: [{ ...top, ...annotations }] }
  files.set('index.json', Buffer.from(JSON.stringify(index)))
  return { files, manifest: String(top['digest']) }
}

export function layoutTar(layout: Layout): Buffer {
  return makeTar(...[...layout.files].map(([path, data]) => ({ path, data })))
}
