// How long work tells how far it is. An interface alone: the command line shows bars or lines, a
// test listens, and `silent` says nothing.

export interface ProgressTask {
  /** That many more bytes are done. */
  readonly advance: (bytes: number) => void
  /** The work is over; `text` says how, where it is not plain ("already there"). */
  readonly done: (text?: string) => void
}

export interface Progress {
  /**
   * A piece of work begins.
   * @param name short: what people know it by (a digest's first digits, a file's name).
   * @param total bytes, where they are known.
   */
  task(name: string, total?: number): ProgressTask
  /** A line that matters beside the bars. */
  note(line: string): void
}

const nothing: ProgressTask = { advance: () => undefined, done: () => undefined }

export const silent: Progress = { task: () => nothing, note: () => undefined }
