// Content descriptors (OCI image specification, descriptor.md): what a blob is, how large, and
// under which digest. Reading keeps what it knows and drops the rest.
import { type Digest, parseDigest } from './digest.js'
import {
  asCount,
  asObject,
  asString,
  isObject,
  optionalMap,
  optionalString,
} from './json-shape.js'
import type { Platform } from './platform.js'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes of the blob. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
  readonly artifactType?: string
}

/** @param what names the document and field in errors. @throws ImageError `malformed`. */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const object = asObject(value, what)
  const annotations = optionalMap(object['annotations'], `${what}.annotations`)
  const artifactType = optionalString(object['artifactType'], `${what}.artifactType`)
  const platform = parseOptionalPlatform(object['platform'], `${what}.platform`)
  return {
    mediaType: optionalString(object['mediaType'], `${what}.mediaType`) ?? '',
    digest: parseDigest(asString(object['digest'], `${what}.digest`)),
    size: asCount(object['size'], `${what}.size`),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

function parseOptionalPlatform(value: unknown, what: string): Platform | undefined {
  if (!isObject(value)) return undefined
  const variant = optionalString(value['variant'], `${what}.variant`)
  return {
    os: optionalString(value['os'], `${what}.os`) ?? 'unknown',
    architecture:
      optionalString(value['architecture'], `${what}.architecture`) ?? 'unknown',
    ...(variant === undefined ? {} : { variant }),
  }
}
