// An error in how the command was called, as opposed to what it was asked to mount.

/** One line for stderr; the command ends with status 1 and says how help is had. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
