// The members of an image archive, found in one pass. Of a plain archive only headers are read;
// of one that is compressed as a whole everything passes by, so that small documents are kept and
// what looks like a layer is indexed on the way, whatever the list of images, which often stands
// last, will say of it.
import type { ByteSource } from '../../bytes/byte-source.js'
import { InOrder } from '../../bytes/random-source.js'
import { CompressionError } from '../../compress/compression-error.js'
import { emptyPoints, type SeekPoints } from '../../compress/seek-points.js'
import { shown } from '../../layer/refusal.js'
import { TarError } from '../../tar/tar-error.js'
import type { TarHeader } from '../../tar/entry.js'
import { TarReader } from '../../tar/reader.js'
import { ImageError } from '../model/errors.js'
import { linkedName, MemberNames, normalName } from '../sources/member-names.js'
import type { IndexedFile } from './indexed-file.js'
import { compressionOf, indexPassing, type IndexedTar, recorded } from './index-layer.js'

/** A member: where its bytes are in the plain archive. */
export interface Member {
  readonly name: string
  readonly start: number
  readonly size: number
}

/** Everything that a pass over an archive tells. */
export interface ScannedArchive {
  /** How the archive itself is compressed. */
  readonly points: SeekPoints
  readonly members: MemberNames<Member>
  /** Documents that have been read, by member. */
  readonly documents: Map<string, Uint8Array>
  /** Layers that have been indexed, by member. */
  readonly layers: Map<string, IndexedTar>
}

const PACKED_PIECE = 256 * 1024
/** Smaller ones may be documents, and cost nothing to keep. */
const SMALL = 64 * 1024

/** @throws ImageError `malformed` for what is no archive. */
export async function scanArchive(file: IndexedFile): Promise<ScannedArchive> {
  const compression = compressionOf(file.source)
  const points = emptyPoints(compression)
  const isPlain = compression === 'none'
  const plain = isPlain
    ? new InOrder(file.source)
    : recorded(new InOrder(file.source, PACKED_PIECE), points)
  const scan = {
    points,
    members: new MemberNames<Member>(),
    documents: new Map<string, Uint8Array>(),
    layers: new Map<string, IndexedTar>(),
  }
  const reader = new TarReader(plain)
  try {
    for (;;) {
      const header = await reader.next()
      if (header === undefined) break
      const name = normalName(header.path)
      if (header.type === 'symlink')
        scan.members.link(name, linkedName(name, header.linkname))
      else if (header.type === 'link')
        scan.members.link(name, normalName(header.linkname))
      else if (header.type === 'file') {
        addMember(scan, name, header)
        if (!isPlain) await keepPassing(scan, name, header, reader.contents())
      }
    }
  } catch (error) {
    throw archiveError(error, file.path)
  } finally {
    await reader.close()
  }
  if (isPlain) points.size = file.source.size
  return scan
}

function addMember(scan: ScannedArchive, name: string, header: TarHeader): void {
  if (header.sparse !== undefined)
    throw new ImageError('unsupported', `${name} is a sparse file`, { entry: name })
  scan.members.add(name, { name, start: header.dataOffset, size: header.size })
}

async function keepPassing(
  scan: ScannedArchive,
  name: string,
  { size }: TarHeader,
  contents: ByteSource,
): Promise<void> {
  scan.layers.delete(name)
  scan.documents.delete(name)
  if (size > SMALL) {
    const indexed = await indexIfLayer(contents, name)
    if (indexed !== null) scan.layers.set(name, indexed)
    return
  }
  const pieces: Buffer[] = []
  for await (const piece of contents) pieces.push(Buffer.from(piece))
  const bytes = Buffer.concat(pieces)
  const isDocument = bytes[0] === 0x7b || bytes[0] === 0x5b
  if (isDocument) scan.documents.set(name, bytes)
  else {
    const indexed = await indexIfLayer(once(bytes), name)
    if (indexed !== null) scan.layers.set(name, indexed)
  }
}

/** What cannot be indexed may be no layer; if it is one, the same error comes again. */
async function indexIfLayer(
  contents: ByteSource,
  name: string,
): Promise<IndexedTar | null> {
  try {
    return await indexPassing(contents, name)
  } catch (error) {
    if (error instanceof ImageError) return null
    throw error
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* once(bytes: Uint8Array): ByteSource {
  yield bytes
}

/** What the decoders say is about the archive as a whole here. */
function archiveError(error: unknown, path: string): unknown {
  if (!(error instanceof TarError) && !(error instanceof CompressionError)) return error
  const entry = error instanceof TarError ? error.entry : undefined
  const where = entry === undefined ? '' : ` at '${shown(entry)}'`
  return new ImageError(
    error.code === 'truncated' ? 'malformed' : error.code,
    `${path} is not readable${where}: ${error.message}; get it again, or name another file`,
    entry === undefined ? {} : { entry },
    error,
  )
}
