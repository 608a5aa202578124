// The members of an image archive, read in one pass from a file or a pipe: nothing says in advance
// which of them are layers, since the list of images often stands last. Small ones stay in memory,
// large ones are staged beside the store's blobs; nothing is part of the store yet. Of an archive
// that lies open in a file, large ones stay where they are until it is known what they are for.
import type { ByteSource } from '../../bytes/byte-source.js'
import {
  type Compression,
  DETECT_BYTES,
  detectCompression,
} from '../../compress/compression.js'
import type { TarHeader } from '../../tar/entry.js'
import { TarReader } from '../../tar/reader.js'
import { type Digest, digestOf, digestOfHex } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { MAX_DOCUMENT } from '../model/json-shape.js'
import * as fs from 'node:fs'
import { linkedName, MemberNames, normalName } from './member-names.js'
import type { Blobs } from '../store/blobs.js'
import type { ArrivingBlob, StagedBlob } from '../store/image-record.js'
import { nodePath } from '../store/store-place.js'
import type { ArchiveFile } from './archive-file.js'
import { ArrivingBlobs } from './arriving-blobs.js'

/** Contents up to this size are kept in memory, as long as all of them are below `MEMORY`. */
const SMALL = 64 * 1024
const MEMORY = 32 * 1024 * 1024

interface Member {
  /** Null for one whose bytes nobody has seen yet. */
  readonly digest: Digest | null
  readonly size: number
  readonly compression: Compression
  readonly bytes: Uint8Array | null
  readonly staged: StagedBlob | null
  /** Where it lies in the file. */
  readonly offset: number | null
}

/** What an image is told of a member. */
export interface Described {
  readonly digest: Digest
  readonly size: number
  readonly compression: Compression
}

export class ArchiveMembers {
  private readonly blobs: Blobs
  private readonly members = new MemberNames<Member>()
  private readonly published = new Set<Member>()
  private readonly arriving = new Map<Member, ArrivingBlob>()
  private readonly copies: ArrivingBlobs
  private inMemory = 0
  private file: ArchiveFile | null = null

  constructor(blobs: Blobs) {
    this.blobs = blobs
    this.copies = new ArrivingBlobs(blobs)
  }

  /** Reads the headers of an archive, and small members. The file is closed by `discard`. */
  async scan(file: ArchiveFile): Promise<void> {
    this.file = file
    await this.readAll(file)
  }

  /** Reads a whole tar. @throws TarError, or what the source throws. */
  async readAll(tar: ByteSource): Promise<void> {
    const reader = new TarReader(tar)
    for (;;) {
      const header = await reader.next()
      if (header === undefined) return
      const name = normalName(header.path)
      if (header.type === 'symlink')
        this.members.link(name, linkedName(name, header.linkname))
      else if (header.type === 'link')
        this.members.link(name, normalName(header.linkname))
      else if (header.type === 'file') await this.add(name, header, reader)
    }
  }

  has(name: string): boolean {
    return this.members.find(name) !== null
  }

  /** Whether there is any. */
  get isEmpty(): boolean {
    return this.members.isEmpty
  }

  /** A JSON document. @throws ImageError `malformed` or `limit`. */
  document(name: string): Uint8Array {
    const member = this.mustFind(name)
    if (member.size > MAX_DOCUMENT)
      throw new ImageError('limit', `${name} has ${member.size} bytes`, { entry: name })
    const { bytes, staged, offset, digest, size } = member
    if (bytes !== null) return bytes
    if (staged !== null) return fs.readFileSync(nodePath(staged.path))
    if (this.file !== null && offset !== null) return this.file.read(offset, size)
    if (digest === null) throw new Error(`the member ${name} is nowhere`)
    return this.blobs.read(digest)
  }

  /**
   * What a member is.
   * @param claimed the digest that an uncompressed one has by what the image says of it. Where its
   * bytes have not been read yet this is taken for it, and checked as they arrive.
   * @throws ImageError `malformed` when it is not there.
   */
  describe(name: string, claimed: Digest): Described {
    const { digest, size, compression } = this.mustFind(name)
    return { digest: digest ?? claimed, size, compression }
  }

  /**
   * Makes a member a blob of the store, with its bytes as they are.
   * @returns where it can be read while it is being copied; null when it is in the store.
   * @throws ImageError `malformed` when it is not there.
   */
  publish(name: string, digest: Digest): ArrivingBlob | null {
    const member = this.mustFind(name)
    const { bytes, staged, offset, size } = member
    const known = this.arriving.get(member)
    if (known !== undefined) return known
    if (this.published.has(member) || this.blobs.has(digest, size)) return null
    if (this.file !== null && offset !== null) {
      const { file } = this
      const open = (): ByteSource => file.part(offset, size)
      const blob = this.copies.copy(file.path, offset, { digest, size }, open)
      this.arriving.set(member, blob)
      return blob
    }
    if (bytes === null) staged?.publish()
    else this.blobs.keep(bytes)
    this.published.add(member)
    return null
  }

  /** Removes what was not published. */
  async discard(): Promise<void> {
    await this.copies.abandon()
    for (const [, { staged }] of this.members.all()) staged?.discard()
    this.file?.close()
  }

  private async add(name: string, header: TarHeader, reader: TarReader): Promise<void> {
    if (header.sparse !== undefined)
      throw new ImageError('unsupported', `${name} is a sparse file`, { entry: name })
    const known = blobNamed(name)
    if (known !== null && this.blobs.has(known, header.size)) {
      // Its name is its digest, and the store has it.
      const compression = detectCompression(await firstBytes(this.blobs.open(known)))
      const bytes = null
      this.put(name, {
        digest: known,
        size: header.size,
        compression,
        bytes,
        staged: null,
        offset: null,
      })
      return
    }
    const small = header.size <= SMALL && this.inMemory + header.size <= MEMORY
    this.put(
      name,
      small
        ? await this.keep(header, reader)
        : (this.place(known, header) ?? (await this.stage(header, reader))),
    )
  }

  private put(name: string, member: Member): void {
    this.members.add(name, member)?.staged?.discard()
  }

  /** Leaves it where it is, if its digest is known or will be claimed by an image. */
  private place(known: Digest | null, { size, dataOffset }: TarHeader): Member | null {
    if (this.file === null) return null
    const compression = detectCompression(this.file.read(dataOffset, DETECT_BYTES))
    if (known === null && compression !== 'none') return null
    return {
      digest: known,
      size,
      compression,
      bytes: null,
      staged: null,
      offset: dataOffset,
    }
  }

  private async keep({ size }: TarHeader, reader: TarReader): Promise<Member> {
    const pieces: Buffer[] = []
    for await (const piece of reader.contents()) pieces.push(Buffer.from(piece))
    const bytes = Buffer.concat(pieces, size)
    this.inMemory += size
    const compression = detectCompression(bytes)
    const digest = digestOf(bytes)
    return { digest, size, compression, bytes, staged: null, offset: null }
  }

  private async stage({ size }: TarHeader, reader: TarReader): Promise<Member> {
    let first = Buffer.alloc(0)
    const contents = async function* (): ByteSource {
      for await (const piece of reader.contents()) {
        if (first.length < DETECT_BYTES)
          first = Buffer.concat([first, piece.subarray(0, DETECT_BYTES)])
        yield piece
      }
    }
    const staged = await this.blobs.stage(contents(), { size })
    const compression = detectCompression(first)
    const { digest } = staged
    return { digest, size, compression, bytes: null, staged, offset: null }
  }

  private mustFind(name: string): Member {
    const member = this.members.find(name)
    if (member !== null) return member
    throw new ImageError('malformed', `the archive has no ${name}`, { entry: name })
  }
}

/** The digest that a layout's blob has by its name. */
function blobNamed(name: string): Digest | null {
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1]
  return hex === undefined ? null : digestOfHex(hex)
}

async function firstBytes(source: ByteSource): Promise<Uint8Array> {
  for await (const piece of source) return piece
  return new Uint8Array(0)
}
