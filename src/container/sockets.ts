// Sockets of ours, as descriptors: what a child or a monitor gets, and what stays.
import { FsError } from '../errno/fs-error.js'
import { socketpair } from '../sys/process.js'

/** Two that are connected. Throws FsError. */
export function sockets(): [number, number] {
  const ends = new Int32Array(2)
  const result = socketpair(ends)
  if (result < 0) throw new FsError(result, 'socketpair')
  return [ends[0] ?? -1, ends[1] ?? -1]
}
