// What people read of an error, in bytes.
import { ContainerError } from '../container/container-error.js'
import { ApiError } from '../daemon/api-error.js'
import { ImageError } from '../image/model/errors.js'
import { MountError } from '../mount/mount-error.js'
import { asBytes } from './output.js'

/** The status that a command ends with. */
export function statusOf(error: unknown): number {
  return error instanceof ContainerError ? error.status : 1
}

/** A line for standard error; with the stack, for what nobody expected. */
export function describeError(error: unknown): string {
  if (error instanceof ContainerError) return `plyfs: ${error.message}`
  if (error instanceof MountError) return `plyfs: ${error.message}`
  if (error instanceof ImageError || error instanceof ApiError)
    return asBytes(`plyfs: ${error.message}`)
  return `plyfs: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
