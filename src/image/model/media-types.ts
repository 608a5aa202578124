// Media types of the OCI image specification (media-types.md) and of Docker's image manifest
// version 2, schema 2, which mean the same in pairs. Pure tables.

export const MEDIA = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const

/** What a registry is asked for, best first. */
export const ACCEPTED_MANIFESTS: readonly string[] = [
  MEDIA.ociManifest,
  MEDIA.dockerManifest,
  MEDIA.ociIndex,
  MEDIA.dockerList,
]

const TO_OCI: ReadonlyMap<string, string> = new Map([
  [MEDIA.dockerList, MEDIA.ociIndex],
  [MEDIA.dockerManifest, MEDIA.ociManifest],
  [MEDIA.dockerConfig, MEDIA.ociConfig],
  [MEDIA.dockerLayer, MEDIA.ociLayer],
  [MEDIA.dockerLayerGzip, MEDIA.ociLayerGzip],
  [MEDIA.dockerLayerZstd, MEDIA.ociLayerZstd],
])

/** The OCI type that means the same; other types as they are. */
export function toOciType(mediaType: string): string {
  return TO_OCI.get(mediaType) ?? mediaType
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerList
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === MEDIA.ociManifest || mediaType === MEDIA.dockerManifest
}

/** Docker's own types, which OCI layouts do not carry for other tools. */
export function isDockerType(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.')
}

/** Layers that the registry does not hold, and that this program will not fetch elsewhere. */
export function isForeignLayer(mediaType: string): boolean {
  return /\.(nondistributable|foreign)\./.test(mediaType)
}

/** The OCI type of a layer, by how its bytes are compressed. */
export function layerType(compression: 'none' | 'gzip' | 'zstd'): string {
  if (compression === 'none') return MEDIA.ociLayer
  return compression === 'gzip' ? MEDIA.ociLayerGzip : MEDIA.ociLayerZstd
}
