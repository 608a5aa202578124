// Blobs on their way into the store from files that can be read already: one after the other, beside
// whoever unpacks them meanwhile.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Blobs } from '../store/blobs.js'
import type { ArrivingBlob, StoredBlob } from '../store/image-record.js'

export class ArrivingBlobs {
  private readonly blobs: Blobs
  private copying: Promise<unknown> = Promise.resolve()
  private abandoned = false

  constructor(blobs: Blobs) {
    this.blobs = blobs
  }

  /**
   * Begins to copy a part of a file.
   * @param file a latin1 string of bytes.
   * @param open the part's bytes, asked for when its turn has come.
   */
  copy(
    file: string,
    offset: number,
    blob: StoredBlob,
    open: () => ByteSource,
  ): ArrivingBlob {
    const arrived = this.copying.then(async () => {
      if (!this.abandoned) await this.blobs.write(open(), blob)
    })
    // A failure is thrown where the blob is waited for.
    this.copying = arrived.catch(() => undefined)
    return { file, offset, arrived }
  }

  /** Begins no more of them, and waits for the one that is being copied. */
  async abandon(): Promise<void> {
    this.abandoned = true
    await this.copying
  }
}
