// An image in an archive, ready to be mounted from there: its documents read and checked, each
// layer's tar indexed, or its kept index found.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import type { SeekPoints } from '../../compress/seek-points.js'
import { FsError } from '../../errno/fs-error.js'
import type {
  ArchivedLower,
  ArchivedLowers,
} from '../../layer/archive-layer/archived-lowers.js'
import { openPlace, type TarPlace } from '../../layer/archive-layer/tar-place.js'
import { close } from '../../sys/file.js'
import { MemberNames } from '../sources/member-names.js'
import { chainIds } from '../model/chain.js'
import { type Digest, hexOf } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { MAX_DOCUMENT } from '../model/json-shape.js'
import type { Progress } from '../progress.js'
import type { Documents } from '../sources/docker-archive.js'
import { hasCode } from '../store/replace-file.js'
import { type StoreLock, takeLock } from '../store/store-lock.js'
import { nodePath, type StorePlace } from '../store/store-place.js'
import { type IndexedFile, openIndexedFile } from './indexed-file.js'
import { chooseImage } from './choose-image.js'
import { indexTar } from './index-layer.js'
import { keep, keptPrefix, readKept, removeUnpacked } from './kept-index.js'
import { kindOf, type Offered, offered } from './offered-images.js'
import { type Member, scanArchive, type ScannedArchive } from './scan-archive.js'
import { plainPlace } from './unpacked-stream.js'

/** How the command line names an archive. */
export interface ArchiveName {
  readonly kind: 'docker-archive' | 'oci-archive' | 'oci' | 'any'
  /** Bytes. */
  readonly path: string
  readonly ref: string | null
}

/** A layer, with what `--verify=full` compares. */
export interface OpenedLayer {
  readonly lower: ArchivedLower
  readonly diffId: Digest
  /** The bytes as the manifest names them; null where no manifest does. */
  readonly blob: { readonly digest: Digest; readonly place: TarPlace } | null
}

export interface OpenedArchive {
  readonly id: Digest
  /** Topmost first. */
  readonly layers: readonly OpenedLayer[]
  readonly lowers: ArchivedLowers
  /** Closes its files, which a mount reads until its end. */
  close(): void
}

/** A file with what is known of it. */
interface Scanned {
  readonly file: IndexedFile
  readonly scan: ScannedArchive
  /** The plain archive. */
  readonly place: TarPlace
  changed: boolean
}

/**
 * `gc` waits until it is open: what is unpacked or kept on the way is not taken for a leftover.
 * @throws ImageError, FsError or Node's error.
 */
export async function openArchive(
  place: StorePlace,
  name: ArchiveName,
  progress: Progress,
): Promise<OpenedArchive> {
  const lock = await keepFromGc(place)
  const opener = new Opener(place, progress)
  try {
    return await openWith(opener, name)
  } catch (error) {
    opener.close()
    throw error
  } finally {
    lock?.release()
  }
}

/** Null in a store that cannot be written, where nothing is swept either. */
async function keepFromGc(place: StorePlace): Promise<StoreLock | null> {
  try {
    return await takeLock(place.contentLock, 'shared')
  } catch (error) {
    if (error instanceof FsError && ['EROFS', 'EACCES'].includes(error.code)) return null
    throw error
  }
}

async function openWith(opener: Opener, name: ArchiveName): Promise<OpenedArchive> {
  const isFolder = isFolderThere(name.path)
  const archive = isFolder ? null : await opener.archive(name.path)
  const documents = archive === null ? folderDocuments(name.path) : documentsOf(archive)
  const kind = name.kind === 'any' ? kindOf(documents, isFolder) : name.kind
  const images = offered(documents, name, isFolder)
  const image = chooseImage(images, name.ref, name.path, `${kind}:${name.path}`)
  const layers = await Promise.all(
    image.layers.map((_, i) => openLayer(opener, image, i, archive ?? name.path)),
  )
  opener.keepAll()
  layers.reverse()
  return {
    id: image.id,
    layers,
    lowers: {
      archive: name.path,
      uuid: Buffer.from(hexOf(image.id), 'hex').subarray(0, 16),
      layers: layers.map(({ lower }) => lower),
    },
    close: () => {
      opener.close()
    },
  }
}

/** @param from the archive, or the path of a layout's folder. */
async function openLayer(
  opener: Opener,
  { config, layers }: Offered,
  i: number,
  from: Scanned | string,
): Promise<OpenedLayer> {
  const diffId = config.diffIds[i]
  const chainId = chainIds(config.diffIds)[i]
  const layer = layers[i]
  if (diffId === undefined || chainId === undefined || layer === undefined)
    throw new RangeError('no such layer')
  const { name, blob } = layer
  const digest = blob?.digest ?? diffId
  const scanned = typeof from === 'string' ? opener.blob(`${from}/${name}`, digest) : from
  const member = mustFind(scanned, typeof from === 'string' ? '' : name, digest)
  const { start, size } = member
  if (blob !== null && blob.size !== size)
    throw new ImageError(
      'mismatch',
      `layer ${digest} has ${size} bytes instead of ${blob.size}`,
      { layer: digest },
    )
  const { steps } = scanned.place
  const packed: TarPlace = {
    ...scanned.place,
    steps: [...steps, { kind: 'part', start, size }],
  }
  const { index, points } = await opener.indexed(scanned, member, packed, digest)
  const step = config.history.filter(({ emptyLayer }) => !emptyLayer)[i]
  const origin = {
    digest,
    diffId,
    chainId,
    createdBy: bytesOfText(step?.createdBy),
    created: step?.created ?? null,
  }
  return {
    diffId,
    blob: blob === null ? null : { digest: blob.digest, place: packed },
    lower: {
      label: `${scanned.file.path}:${digest}`,
      index,
      place: await opener.plain(scanned.file, member, packed, points, digest),
      origin,
    },
  }
}

function isFolderThere(path: string): boolean {
  try {
    fs.accessSync(nodePath(path), fs.constants.R_OK)
    return fs.statSync(nodePath(path)).isDirectory()
  } catch (error) {
    const why = hasCode(error, 'EACCES') ? 'may not be read' : 'is not there'
    throw new ImageError('not-found', `${path} ${why}; name an archive that can be read`)
  }
}

/** Files by their paths, each opened and scanned once. They stay open: the mount reads them. */
class Opener {
  private readonly opened: Scanned[] = []
  /** Descriptors of streams that were unpacked. */
  private readonly files = new Set<number>()
  private readonly place: StorePlace
  private readonly progress: Progress

  constructor(place: StorePlace, progress: Progress) {
    this.place = place
    this.progress = progress
  }

  async archive(path: string): Promise<Scanned> {
    const file = openIndexedFile(path)
    const known = readKept(this.place, file)
    if (known === null) removeUnpacked(this.place, file.path)
    const scan = known ?? (await scanArchive(file))
    const whole = wholeOf(file)
    const place = await plainPlace(whole, scan.points, {
      what: file.path,
      path: this.unpackedPath(file, ''),
      progress: this.progress,
    })
    return this.note({ file, scan, place, changed: known === null })
  }

  /** A file that is a layer as a whole. */
  blob(path: string, digest: Digest): Scanned {
    let file: IndexedFile
    try {
      file = openIndexedFile(path)
    } catch (error) {
      if (error instanceof FsError && error.code === 'ENOENT') throw missing(digest)
      throw error
    }
    const known = readKept(this.place, file)
    if (known === null) removeUnpacked(this.place, file.path)
    const members = new MemberNames<Member>()
    members.add('', { name: '', start: 0, size: file.source.size })
    const scan = known ?? {
      points: { compression: 'none' as const, points: [], size: file.source.size },
      members,
      documents: new Map<string, Uint8Array>(),
      layers: new Map(),
    }
    return this.note({ file, scan, place: wholeOf(file), changed: known === null })
  }

  async indexed(
    { scan }: Scanned,
    { name }: Member,
    packed: TarPlace,
    digest: Digest,
  ): Promise<Awaited<ReturnType<typeof indexTar>>> {
    const known = scan.layers.get(name)
    if (known !== undefined) return known
    const made = await indexTar(openPlace(packed).source, digest)
    scan.layers.set(name, made)
    for (const one of this.opened) if (one.scan === scan) one.changed = true
    return made
  }

  async plain(
    file: IndexedFile,
    { name }: Member,
    packed: TarPlace,
    points: SeekPoints,
    digest: Digest,
  ): Promise<TarPlace> {
    const place = await plainPlace(packed, points, {
      what: `layer ${digest}`,
      path: this.unpackedPath(file, name),
      progress: this.progress,
    })
    this.files.add(place.fd)
    return place
  }

  /** Closes every file. */
  close(): void {
    for (const { file, place } of this.opened) {
      this.files.add(file.fd)
      this.files.add(place.fd)
    }
    for (const fd of this.files) close(fd)
    this.files.clear()
    this.opened.length = 0
  }

  /** Keeps what was not known before. */
  keepAll(): void {
    for (const { file, scan, changed } of this.opened)
      if (changed) keep(this.place, file, scan)
  }

  private unpackedPath(file: IndexedFile, member: string): string {
    const key = createHash('sha256').update(`${file.identity}\n${member}`).digest('hex')
    return `${keptPrefix(this.place, file.path)}.${key.slice(0, 16)}.tar`
  }

  private note(scanned: Scanned): Scanned {
    this.opened.push(scanned)
    return scanned
  }
}

/** What a mount says of itself is bytes. */
function bytesOfText(text: string | undefined): string | null {
  return text === undefined ? null : Buffer.from(text, 'utf8').toString('latin1')
}

function wholeOf({ fd, identity, source }: IndexedFile): TarPlace {
  return { fd, identity, bytes: source.size, steps: [] }
}

function mustFind({ scan }: Scanned, name: string, digest: Digest): Member {
  const member = scan.members.find(name)
  if (member === null) throw missing(digest)
  return member
}

function missing(layer: Digest): ImageError {
  return new ImageError('malformed', `the archive has no layer ${layer}`, { layer })
}

function documentsOf({ scan, place }: Scanned): Documents {
  const { source } = openPlace(place)
  return {
    has: name => scan.members.find(name) !== null,
    document: name => {
      const member = scan.members.find(name)
      if (member === null)
        throw new ImageError('malformed', `the archive has no ${name}`, { entry: name })
      const known = scan.documents.get(member.name)
      if (known !== undefined) return known
      if (member.size > MAX_DOCUMENT)
        throw new ImageError('limit', `${name} has ${member.size} bytes`, { entry: name })
      const bytes = Buffer.alloc(member.size)
      const read = source.readAt(member.start, bytes)
      if (read < member.size)
        throw new ImageError('malformed', `${name} is cut off`, { entry: name })
      return bytes
    },
  }
}

function folderDocuments(folder: string): Documents {
  const at = (name: string): Buffer => nodePath(`${folder}/${name}`)
  return {
    has: name => fs.existsSync(at(name)),
    document: name => {
      if (!fs.existsSync(at(name)))
        throw new ImageError('malformed', `the layout has no ${name}`, { entry: name })
      if (fs.statSync(at(name)).size > MAX_DOCUMENT)
        throw new ImageError('limit', `${name} is too large`, { entry: name })
      return fs.readFileSync(at(name))
    },
  }
}
