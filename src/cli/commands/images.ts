// `plyfs images [NAME]`: what is in the store.
import { ImageError } from '../../image/model/errors.js'
import { shortDigest } from '../../image/model/digest.js'
import { familiarRepository, parseReference } from '../../image/model/reference.js'
import type { ImageRecord, ImageVariant } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { ago } from '../ago.js'
import { formatBytes } from '../bytes-size.js'
import { type Column, type ListRow, renderList } from '../list-output.js'
import { asBytes, printLine } from '../output.js'
import { imageFilter } from './image-filter.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface ImagesFlags extends StoreFlags {
  readonly all?: boolean
  readonly digests?: boolean
  readonly filter?: readonly string[]
  readonly format?: string
  readonly json?: boolean
  readonly quiet?: boolean
  /** `--no-trunc` makes it false. */
  readonly trunc?: boolean
}

/** Prints one line for each name; 0. Throws an ImageError. */
export async function images(
  name: string | undefined,
  flags: ImagesFlags,
): Promise<number> {
  const store = await openStore(flags)
  const filters = [...(flags.filter ?? [])]
  if (name !== undefined) filters.push(`reference=${name}`)
  const isWanted = imageFilter(store, filters)
  const rows = store.images
    .list()
    .filter(record => isWanted.record(record))
    .flatMap(record => rowsOf(store, record, flags, isWanted.name))
  if (flags.quiet === true)
    print([...new Set(rows.map(({ ID }) => String(ID)))].join('\n'))
  else print(renderList(rows, columns(flags.digests === true), flags))
  return 0
}

function print(text: string): void {
  if (text !== '') printLine(asBytes(text))
}

function columns(digests: boolean): Column[] {
  return [
    ['REPOSITORY', 'Repository'],
    ['TAG', 'Tag'],
    ...(digests ? ([['DIGEST', 'Digest']] as const) : []),
    ['IMAGE ID', 'ID'],
    ['CREATED', 'CreatedSince'],
    ['SIZE', 'Size'],
  ]
}

const NONE = '<none>'

function rowsOf(
  store: Store,
  record: ImageRecord,
  flags: ImagesFlags,
  isWantedName: (name: string) => boolean,
): ListRow[] {
  const created = createdOf(store, record)
  const about = {
    ID: flags.trunc === false ? record.id : shortDigest(record.id),
    CreatedSince: ago(created),
    CreatedAt: created ?? 'N/A',
    Size: formatBytes(record.size),
    VirtualSize: formatBytes(record.size),
  }
  const rows = record.variants.flatMap(variant =>
    labelsOf(variant, flags.digests === true)
      .filter(({ name }) => name === null || isWantedName(name))
      .map(({ Repository, Tag, Digest }) => ({ Repository, Tag, Digest, ...about })),
  )
  if (rows.length > 0 || record.names.length > 0) return rows
  return [{ Repository: NONE, Tag: NONE, Digest: NONE, ...about }]
}

interface Label {
  /** In full; null for a repository known by a digest alone. */
  readonly name: string | null
  readonly Repository: string
  readonly Tag: string
  readonly Digest: string
}

/** A line a name; and one for each repository that only a digest leads to. */
function labelsOf({ names, digests }: ImageVariant, showDigests: boolean): Label[] {
  const known = digests.map(digest => parseReference(digest))
  const labels = names.flatMap((name): Label[] => {
    const reference = parseReference(name)
    const Repository = familiarRepository(reference)
    const Tag = reference.tag ?? NONE
    const own = known.filter(one => familiarRepository(one) === Repository)
    if (!showDigests || own.length === 0)
      return [{ name, Repository, Tag, Digest: own[0]?.digest ?? NONE }]
    return own.map(({ digest }) => ({ name, Repository, Tag, Digest: digest ?? NONE }))
  })
  const shown = new Set(labels.map(({ Repository }) => Repository))
  const others = new Map(known.map(one => [familiarRepository(one), one]))
  for (const [Repository, { digest }] of others)
    if (!shown.has(Repository))
      labels.push({ name: null, Repository, Tag: NONE, Digest: digest ?? NONE })
  return labels
}

/** A damaged config is fsck's business; the image is listed all the same. */
function createdOf(store: Store, record: ImageRecord): string | undefined {
  try {
    return store.configOf(record).created
  } catch (error) {
    if (error instanceof ImageError) return undefined
    throw error
  }
}
