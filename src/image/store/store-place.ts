// Where things lie in a store. The root is bytes, as every path of the command line; names below it
// are ASCII. Pure.
import { type Digest, hexOf, isDigest } from '../model/digest.js'

/** A path for Node's own calls, which would encode a string as UTF-8. */
export function nodePath(path: string): Buffer {
  return Buffer.from(path, 'latin1')
}

/**
 * The folders of a store:
 *
 *     oci-layout, index.json, blobs/sha256/HEX   an OCI image layout, for this and other programs
 *     layers/HEX/diff, layers/HEX/layer.json     unpacked layers by chain id, and their records
 *     layers/HEX/inventory                       what each entry was when it was unpacked
 *     layers/HEX/tree                            what an image with this topmost layer shows
 *     incoming/                                  what is not whole yet; locked by who makes it
 *     writable/NAME/                             writable layers of image mounts
 *     archives/                                  what is known of archives that were mounted
 *     flat/KIND/HEX/                             whole trees by chain id, for drivers without layers
 *     uses/                                      who uses which image
 *     store.json                                 version and format of the layers
 *     records.lock, content.lock                 see store-lock.ts
 */
export class StorePlace {
  readonly root: string

  /** @param root absolute, a latin1 string of bytes, without a slash at its end. */
  constructor(root: string) {
    this.root = root
  }

  get layout(): string {
    return `${this.root}/oci-layout`
  }
  get index(): string {
    return `${this.root}/index.json`
  }
  get blobs(): string {
    return `${this.root}/blobs/sha256`
  }
  get layers(): string {
    return `${this.root}/layers`
  }
  get incoming(): string {
    return `${this.root}/incoming`
  }
  get uses(): string {
    return `${this.root}/uses`
  }
  get writable(): string {
    return `${this.root}/writable`
  }
  get archives(): string {
    return `${this.root}/archives`
  }
  get flat(): string {
    return `${this.root}/flat`
  }
  get record(): string {
    return `${this.root}/store.json`
  }
  get recordsLock(): string {
    return `${this.root}/records.lock`
  }
  get contentLock(): string {
    return `${this.root}/content.lock`
  }

  blob(digest: Digest): string {
    return `${this.blobs}/${hexOf(digest)}`
  }
  layer(chainId: Digest): string {
    return `${this.layers}/${hexOf(chainId)}`
  }
  /** The directory that an overlay has as a lower layer. */
  layerTree(chainId: Digest): string {
    return `${this.layer(chainId)}/diff`
  }
  layerRecord(chainId: Digest): string {
    return `${this.layer(chainId)}/layer.json`
  }
  layerInventory(chainId: Digest): string {
    return `${this.layer(chainId)}/inventory`
  }
  layerMerged(chainId: Digest): string {
    return `${this.layer(chainId)}/tree`
  }
  flatTree(kind: string, chainId: Digest): string {
    return `${this.flat}/${kind}/${hexOf(chainId)}`
  }
  partialFlatTree(kind: string, chainId: Digest): string {
    return `${this.incoming}/flat-${kind}-${hexOf(chainId)}`
  }
  partialBlob(digest: Digest): string {
    return `${this.incoming}/blob-${hexOf(digest)}`
  }
  partialLayer(chainId: Digest): string {
    return `${this.incoming}/layer-${hexOf(chainId)}`
  }
  partialTree(chainId: Digest): string {
    return `${this.incoming}/tree-${hexOf(chainId)}`
  }
}

/** What a path of the host is in some store, as StorePlace lays it out. */
export type StoredThing = {
  readonly root: string
  /** The path is of something in it, and not of it itself. */
  readonly isBelow: boolean
} & (
  | { readonly kind: 'writable'; readonly name: string }
  | { readonly kind: 'layer'; readonly chainId: Digest }
  | { readonly kind: 'flat'; readonly chainId: Digest }
)

const WRITABLE = /^(.*)\/writable\/([^/]+)\/(?:upper|tree|disk)(\/.*)?$/s
const LAYER = /^(.*)\/layers\/([0-9a-f]{64})\/diff(\/.*)?$/s
const FLAT = /^(.*)\/flat\/[a-z]+\/([0-9a-f]{64})\/(?:tree|disk)(\/.*)?$/s

/**
 * What a path would be of, whether such a store is there or not: the contents of a writable layer, of
 * an unpacked layer, or a whole tree. Null for any other path.
 */
export function thingAt(path: string): StoredThing | null {
  const [, store, name, inside] = WRITABLE.exec(path) ?? []
  if (store !== undefined && name !== undefined)
    return { root: store, isBelow: inside !== undefined, kind: 'writable', name }
  for (const [kind, pattern] of [
    ['layer', LAYER],
    ['flat', FLAT],
  ] as const) {
    const [, root, hex, below] = pattern.exec(path) ?? []
    const chainId = `sha256:${hex ?? ''}`
    if (root !== undefined && isDigest(chainId))
      return { root, isBelow: below !== undefined, kind, chainId }
  }
  return null
}
