// An error for the person who called the command: what is wrong and what to do about it, one line.

/** Ends a command with status 1. `message` is "CAUSE; REMEDY", names in it are latin1 bytes. */
export class MountError extends Error {
  override readonly name = 'MountError'

  constructor(cause: string, remedy: string) {
    super(`${cause}; ${remedy}`)
  }
}
