// An error of a container's verb, for the person who called it.

/** Docker's statuses of `run` and `exec`: it could not be begun, or its command could not be. */
export const COULD_NOT_START = 125

/** One line, names in it are latin1 bytes; the command ends with `status`. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError'
  readonly status: number

  /** @param message says what is wrong, then what to do where something can be done. */
  constructor(message: string, status = 1) {
    super(message)
    this.status = status
  }
}
