// Image configs (OCI image specification, config.md). Read for what the program shows and needs;
// the bytes are never written anew, since their SHA-256 is the image's ID.
import { type Digest, parseDigest } from './digest.js'
import {
  asList,
  asObject,
  asStrings,
  isObject,
  type JsonObject,
  malformed,
  optionalString,
  parseJson,
} from './json-shape.js'
import type { Platform } from './platform.js'

export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string
  readonly createdBy?: string
  readonly author?: string
  readonly comment?: string
  /** It made no layer. */
  readonly emptyLayer: boolean
}

export interface ImageConfig {
  readonly platform: Platform
  /** RFC 3339. */
  readonly created?: string
  readonly author?: string
  /** Digests of the layers' uncompressed tars, base first. */
  readonly diffIds: readonly Digest[]
  /** Base first. */
  readonly history: readonly HistoryEntry[]
  /** What a container of it runs with: Cmd, Entrypoint, Env, Labels ... as they stand. */
  readonly run: JsonObject
  /** The whole document. */
  readonly document: JsonObject
}

/** @throws ImageError `malformed`. */
export function parseConfig(bytes: Uint8Array, what = 'image config'): ImageConfig {
  const document = asObject(parseJson(bytes, what), what)
  const rootfs = asObject(document['rootfs'] ?? {}, `${what}: rootfs`)
  const type = optionalString(rootfs['type'], `${what}: rootfs.type`)
  if (type !== undefined && type !== 'layers')
    throw malformed(what, `has a root filesystem of the type '${type}'`)
  const created = optionalString(document['created'], `${what}: created`)
  const author = optionalString(document['author'], `${what}: author`)
  return {
    platform: platformOf(document, what),
    ...(created === undefined ? {} : { created }),
    ...(author === undefined ? {} : { author }),
    diffIds: asStrings(rootfs['diff_ids'], `${what}: rootfs.diff_ids`).map(parseDigest),
    history: asList(document['history'], `${what}: history`).map((item, i) =>
      historyOf(item, `${what}: history[${i}]`),
    ),
    run: isObject(document['config']) ? document['config'] : {},
    document,
  }
}

function platformOf(document: JsonObject, what: string): Platform {
  const variant = optionalString(document['variant'], `${what}: variant`)
  return {
    os: optionalString(document['os'], `${what}: os`) ?? 'linux',
    architecture:
      optionalString(document['architecture'], `${what}: architecture`) ?? 'unknown',
    ...(variant === undefined ? {} : { variant }),
  }
}

function historyOf(value: unknown, what: string): HistoryEntry {
  const object = asObject(value, what)
  const created = optionalString(object['created'], `${what}.created`)
  const createdBy = optionalString(object['created_by'], `${what}.created_by`)
  const author = optionalString(object['author'], `${what}.author`)
  const comment = optionalString(object['comment'], `${what}.comment`)
  return {
    ...(created === undefined ? {} : { created }),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(author === undefined ? {} : { author }),
    ...(comment === undefined ? {} : { comment }),
    emptyLayer: object['empty_layer'] === true,
  }
}
