// Where a layer's plain tar is: in a file, in a part of it, in what such a part is compressed from,
// and so on inwards. Plain data, so that one thread can find it and another read it.
import { PartOfSource, type RandomSource } from '../../bytes/random-source.js'
import { openSeekable, type SeekPoints } from '../../compress/seek-points.js'
import { SeekReader } from '../../compress/seek-reader.js'
import { FsError } from '../../errno/fs-error.js'
import { AT_EMPTY_PATH } from '../../sys/constants.js'
import { pread } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { ST, statBigInt, statRecords, statWord } from '../../sys/stat.js'
import type { LayerTar } from './archived-file.js'

export interface TarPlace {
  readonly fd: number
  /** What `identityOfFile` said when it was indexed. */
  readonly identity: string
  readonly bytes: number
  /** From the file inwards. */
  readonly steps: readonly PlaceStep[]
}

export type PlaceStep =
  | { readonly kind: 'part'; readonly start: number; readonly size: number }
  | { readonly kind: 'unpack'; readonly points: SeekPoints }

/** A file's bytes; it must stay open. */
export class FileSource implements RandomSource {
  readonly size: number
  private readonly fd: number

  constructor(fd: number, size: number) {
    this.fd = fd
    this.size = size
  }

  readAt(position: number, into: Uint8Array): number {
    let done = 0
    while (done < into.length) {
      const read = pread(this.fd, into, done, into.length - done, position + done)
      if (read < 0) throw new FsError(read, 'pread')
      if (read === 0) break
      done += read
    }
    return done
  }
}

/**
 * Opens the tar for reading. Throws what the decoders throw for want of memory.
 * @param number the layer's place among those of the image.
 */
export function openPlace(place: TarPlace, number = 0): LayerTar {
  let source: RandomSource = new FileSource(place.fd, place.bytes)
  let start = 0
  let isPlain = true
  let seekable = null as LayerTar['seekable']
  for (const step of place.steps) {
    if (step.kind === 'part') {
      source = new PartOfSource(source, step.start, step.size)
      start += step.start
      if (seekable !== null)
        seekable = { ...seekable, start: seekable.start + step.start }
    } else {
      source = openSeekable(source, step.points)
      isPlain &&= step.points.compression === 'none'
      if (source instanceof SeekReader) seekable = { reader: source, start: 0 }
    }
  }
  return {
    number,
    source,
    fd: place.fd,
    direct: isPlain ? { fd: place.fd, start } : null,
    seekable,
    hasChanged: () => identityOfFile(place.fd) !== place.identity,
  }
}

const record = statRecords(1)

/** Device, inode, size and times of an open file, as text. Throws FsError. */
export function identityOfFile(fd: number): string {
  const error = statx(fd, '', AT_EMPTY_PATH, record, 0)
  if (error < 0) throw new FsError(error, 'statx')
  const wide = (field: number): string => statBigInt(record, field).toString(16)
  const word = (field: number): string => statWord(record, field).toString(16)
  const inode = `${wide(ST.dev)}:${wide(ST.ino)}:${wide(ST.size)}`
  return `${inode}:${wide(ST.mtime)}.${word(ST.mtimeNsec)}:${wide(ST.ctime)}.${word(ST.ctimeNsec)}`
}
