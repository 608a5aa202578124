// The opcodes a run has to reach, and why some cannot be.

export const REQUIRED = [
  'LOOKUP',
  'FORGET',
  'BATCH_FORGET',
  'GETATTR',
  'SETATTR',
  'STATX',
  'READLINK',
  'SYMLINK',
  'MKNOD',
  'MKDIR',
  'UNLINK',
  'RMDIR',
  'RENAME',
  'RENAME2',
  'LINK',
  'OPEN',
  'CREATE',
  'TMPFILE',
  'READ',
  'WRITE',
  'FLUSH',
  'RELEASE',
  'FSYNC',
  'READDIR',
  'READDIRPLUS',
  'FSYNCDIR',
  'STATFS',
  'GETXATTR',
  'SETXATTR',
  'LISTXATTR',
  'REMOVEXATTR',
  'FALLOCATE',
  'LSEEK',
  'COPY_FILE_RANGE',
  'IOCTL',
  'ACCESS',
  'INTERRUPT',
] as const

/** Opcodes that no run of the fuzzer reaches. */
export const UNREACHABLE: Readonly<Record<string, string>> = {
  ACCESS:
    'The mount checks permissions in the kernel (default_permissions), which asks nobody.',
  READDIR:
    'plyfs says that it always answers READDIRPLUS (no READDIRPLUS_AUTO), and the kernel then asks nothing else.',
  INTERRUPT:
    'Sent when a signal meets a request that waits. Operations are done one at a time and are not interrupted; test/integration/overlay/copy-up-in-background.test.ts reaches it.',
}

/** Those that were not reached and should have been; names that mean the same count together. */
export function unreached(requests: ReadonlyMap<string, number>): string[] {
  const reached = (name: string): boolean => (requests.get(name) ?? 0) > 0
  return REQUIRED.filter(name => {
    if (name in UNREACHABLE) return false
    if (name === 'COPY_FILE_RANGE')
      return !reached(name) && !reached('COPY_FILE_RANGE_64')
    return !reached(name)
  })
}
