// What the API answers a request that it does not do: a status of HTTP, a word for programs, a line
// for people.
import { textOfBytes } from '../bytes/bytes-text.js'
import { ContainerError } from '../container/container-error.js'
import { FsError } from '../errno/fs-error.js'
import { ImageError, type ImageErrorCode } from '../image/model/errors.js'
import { MountError } from '../mount/mount-error.js'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** Of HTTP. */
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const STATUS_OF: Partial<Record<ImageErrorCode, number>> = {
  invalid: 400,
  ambiguous: 400,
  'not-found': 404,
  'in-use': 409,
  conflict: 409,
}

/** Anything that was thrown, as it is answered; null for a fault of our own. Text, not bytes. */
export function apiErrorOf(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error
  if (error instanceof ImageError)
    return new ApiError(STATUS_OF[error.code] ?? 422, error.code, error.message)
  if (error instanceof MountError)
    return new ApiError(422, 'mount', textOfBytes(error.message))
  if (error instanceof ContainerError) {
    const isUnknown = error.message.startsWith('No such container')
    return new ApiError(isUnknown ? 404 : 409, 'container', textOfBytes(error.message))
  }
  if (error instanceof FsError)
    return new ApiError(422, error.code, textOfBytes(error.message))
  return null
}
