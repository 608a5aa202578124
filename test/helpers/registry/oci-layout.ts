// Images made in code, as OCI layouts that skopeo and plyfs read: layers of random files, so that
// no two are the same and none gets smaller by compression.
import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { TarWriter } from '../../../src/tar/writer.js'

export interface MadeLayer {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly diffId: string
}

export interface MadeImage {
  /** For skopeo: `oci:DIRECTORY:TAG`. */
  readonly layout: string
  /** SHA-256 of the config: the image ID. */
  readonly id: string
  readonly manifest: string
  readonly manifestSize: number
  readonly layers: readonly MadeLayer[]
}

const OCI = 'application/vnd.oci.image'

/** A layer with one file of random bytes. */
export function makeLayer(directory: string, name: string, size: number): MadeLayer {
  const contents = randomBytes(size)
  const writer = new TarWriter()
  const time = { sec: 1_600_000_000, nsec: 0 }
  const tar = Buffer.concat([
    writer.header({
      ...{ path: name, type: 'file', mode: 0o644, uid: 0, gid: 0, uname: '', gname: '' },
      ...{ size, mtime: time, linkname: '', devmajor: 0, devminor: 0, xattrs: new Map() },
    }),
    writer.data(contents),
    writer.end(),
  ])
  const blob = writeBlob(directory, gzipSync(tar, { level: 1 }))
  return { ...blob, mediaType: `${OCI}.layer.v1.tar+gzip`, diffId: digestOf(tar) }
}

/** An image of layers that are in the directory, under a tag of the layout. */
export function makeImage(
  directory: string,
  tag: string,
  layers: readonly MadeLayer[],
  architecture = 'amd64',
): MadeImage {
  const config = writeJson(directory, {
    architecture,
    os: 'linux',
    config: { Env: [`TAG=${tag}`] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: 'test' })),
  })
  const manifest = writeJson(directory, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, ...config },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })
  addToIndex(directory, `${OCI}.manifest.v1+json`, manifest, tag)
  return {
    layout: `oci:${directory}:${tag}`,
    id: config.digest,
    manifest: manifest.digest,
    manifestSize: manifest.size,
    layers,
  }
}

/** An index over images for several platforms: its digest. */
export function makeIndex(
  directory: string,
  images: readonly (readonly [architecture: string, image: MadeImage])[],
): { bytes: Buffer; digest: string } {
  const { digest } = writeJson(directory, {
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: images.map(([architecture, { manifest, manifestSize }]) => ({
      mediaType: `${OCI}.manifest.v1+json`,
      digest: manifest,
      size: manifestSize,
      platform: { os: 'linux', architecture },
    })),
  })
  return { digest, bytes: fs.readFileSync(blobPath(directory, digest)) }
}

export function blobPath(directory: string, digest: string): string {
  return path.join(directory, 'blobs/sha256', digest.replace('sha256:', ''))
}

function addToIndex(
  directory: string,
  mediaType: string,
  blob: { digest: string; size: number },
  tag: string,
): void {
  const file = path.join(directory, 'index.json')
  const index: { schemaVersion: number; manifests: unknown[] } = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')) as {
        schemaVersion: number
        manifests: unknown[]
      })
    : { schemaVersion: 2, manifests: [] }
  const annotations = { 'org.opencontainers.image.ref.name': tag }
  index.manifests.push({ mediaType, ...blob, annotations })
  fs.writeFileSync(file, JSON.stringify(index))
  fs.writeFileSync(path.join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

function writeJson(directory: string, value: unknown): { digest: string; size: number } {
  return writeBlob(directory, Buffer.from(JSON.stringify(value)))
}

function writeBlob(directory: string, bytes: Buffer): { digest: string; size: number } {
  const digest = digestOf(bytes)
  const file = blobPath(directory, digest)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
  return { digest, size: bytes.length }
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
