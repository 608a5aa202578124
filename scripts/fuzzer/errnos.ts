// Errno names for reports.
import { constants } from 'node:os'

const NAMES = new Map(
  Object.entries(constants.errno).map(([name, value]) => [value, name]),
)
// EWOULDBLOCK and ENOTSUP share their numbers with these.
NAMES.set(11, 'EAGAIN')
NAMES.set(95, 'EOPNOTSUPP')

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`
}
