// What verbs do to the list of images. Pure: entries in, entries out. A tag has one image, and an
// image keeps a manifest that no name and no digest leads to only when it has no other.
import type { Digest } from '../model/digest.js'
import { parseReference, repositoryName } from '../model/reference.js'
import type { Entry } from './index-file.js'

/**
 * Adds an image or a further manifest of one, and moves names to it; whoever had them stays,
 * untagged.
 */
export function addEntry(entries: readonly Entry[], added: Entry): Entry[] {
  const others = withoutNames(entries, added.names)
  const known = others.find(one => isSame(one, added))
  if (known === undefined) return tidy([added, ...others])
  return tidy(others.map(one => (one === known ? merge(known, added) : one)))
}

function merge(known: Entry, added: Entry): Entry {
  const indexes = new Map(
    [...known.indexes, ...added.indexes].map(index => [index.digest, index]),
  )
  return {
    ...known,
    // A manifest in Docker's types is kept beside the OCI one that was made of it.
    source: added.source.digest === added.manifest.digest ? known.source : added.source,
    names: union(known.names, added.names),
    digests: union(known.digests, added.digests),
    indexes: [...indexes.values()],
    size: added.size,
  }
}

/** Gives a name to an image's manifest, and takes it from whoever has it. */
export function addName(
  entries: readonly Entry[],
  id: Digest,
  manifest: Digest,
  name: string,
): Entry[] {
  return tidy(
    withoutNames(entries, [name]).map(one =>
      one.id === id && one.manifest.digest === manifest
        ? { ...one, names: union(one.names, [name]) }
        : one,
    ),
  )
}

/** Notes a digest (`repository@sha256:...`) that leads to an image's manifest. */
export function addDigest(
  entries: readonly Entry[],
  id: Digest,
  manifest: Digest,
  digest: string,
): Entry[] {
  return entries.map(one =>
    one.id === id && one.manifest.digest === manifest
      ? { ...one, digests: union(one.digests, [digest]) }
      : one,
  )
}

/**
 * Takes a name away. With the last name of a repository its digests go too, as Docker has it: they
 * were how that repository called the image.
 */
export function removeName(entries: readonly Entry[], name: string): Entry[] {
  const repository = repositoryName(parseReference(name))
  return tidy(
    entries.map(one => {
      if (!one.names.includes(name)) return one
      const names = one.names.filter(other => other !== name)
      const stays = names.some(
        other => repositoryName(parseReference(other)) === repository,
      )
      const digests = stays
        ? one.digests
        : one.digests.filter(digest => !digest.startsWith(`${repository}@`))
      return { ...one, names, digests }
    }),
  )
}

/** Takes a digest reference away. */
export function removeDigest(entries: readonly Entry[], digest: string): Entry[] {
  return tidy(
    entries.map(one => ({
      ...one,
      digests: one.digests.filter(other => other !== digest),
    })),
  )
}

/** Takes an image away, with all its names and manifests. */
export function removeImage(entries: readonly Entry[], id: Digest): Entry[] {
  return entries.filter(one => one.id !== id)
}

function withoutNames(entries: readonly Entry[], names: readonly string[]): Entry[] {
  return entries.map(one =>
    one.names.some(name => names.includes(name))
      ? { ...one, names: one.names.filter(name => !names.includes(name)) }
      : one,
  )
}

/** Drops manifests that nothing leads to, but for the last of an image. */
function tidy(entries: readonly Entry[]): Entry[] {
  const isLost = ({ names, digests }: Entry): boolean =>
    names.length === 0 && digests.length === 0
  return entries.filter((one, i) => {
    if (!isLost(one)) return true
    const others = entries.filter(other => other.id === one.id)
    return others.every(isLost) && others[0] === entries[i]
  })
}

function isSame(one: Entry, other: Entry): boolean {
  return one.id === other.id && one.manifest.digest === other.manifest.digest
}

function union(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])].toSorted()
}
