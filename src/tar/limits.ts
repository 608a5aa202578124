// How large an archive may be before it is refused. The numbers are far above what images hold
// and far below what fills a host.

export interface TarLimits {
  /** Entries in one archive. */
  readonly entries: number
  /** Bytes of extended headers (PAX records, long names, sparse maps) before one entry. */
  readonly headerBytes: number
  /** Bytes of one file when unpacked, holes counted. */
  readonly fileBytes: number
  /** Bytes of contents stored in the whole archive. */
  readonly totalBytes: number
  /** Bytes of a path or of a link's target. */
  readonly pathBytes: number
}

export const defaultTarLimits: TarLimits = {
  entries: 8_000_000,
  headerBytes: 4 << 20,
  fileBytes: 16 * 2 ** 40,
  totalBytes: 2 ** 40,
  pathBytes: 64 << 10,
}
