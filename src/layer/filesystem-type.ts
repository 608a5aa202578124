// Of what kind the filesystem is that something lies on.
import { fstatfs } from '../sys/file.js'

/** Word of fstatfs's record that holds f_type (native.ts). */
const F_TYPE = 14
const record = new Uint32Array(18)

/** The magic number of an open object's filesystem (statfs(2)), or -errno. */
export function filesystemType(fd: number): number {
  const result = fstatfs(fd, record)
  return result < 0 ? result : (record[F_TYPE] ?? 0)
}
