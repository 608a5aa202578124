// Long output, byte for byte: to standard output, or to a file that is there when it is whole.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { standardOutput } from './standard-streams.js'

/** Pieces of bytes. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Waits for whoever reads it. */
export function toStandardOutput(pieces: Pieces): Promise<void> {
  return pipeline(readable(pieces), standardOutput(), { end: false })
}

/**
 * Replaces a file as a whole; a device or a pipe is written as it stands. What was begun is removed
 * when it fails.
 * @param path a latin1 string of bytes.
 */
export async function toFile(pieces: Pieces, path: string): Promise<void> {
  const file = Buffer.from(path, 'latin1')
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (stat !== undefined && !stat.isFile()) {
    await pipeline(readable(pieces), fs.createWriteStream(file))
    return
  }
  const temporary = Buffer.from(`${path}.${randomBytes(6).toString('hex')}`, 'latin1')
  try {
    await pipeline(readable(pieces), fs.createWriteStream(temporary, { flags: 'wx' }))
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

function readable(pieces: Pieces): Readable {
  return Readable.from(pieces, { objectMode: false })
}
