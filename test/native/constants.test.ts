// The numbers of src/sys/constants.ts and src/errno/errno.ts are those of the C compiler.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
import { E, errnoName } from '../../src/errno/errno.js'
import * as constants from '../../src/sys/constants.js'
import { place } from './place.js'

const HEADERS = [
  'errno.h',
  'fcntl.h',
  'dirent.h',
  'stdint.h',
  'stdio.h',
  'limits.h',
  'sched.h',
  'sys/stat.h',
  'sys/file.h',
  'sys/prctl.h',
  'sys/resource.h',
  'sys/statvfs.h',
  'sys/xattr.h',
  'linux/limits.h',
  'linux/falloc.h',
  'linux/openat2.h',
  'linux/mount.h',
  'linux/capability.h',
  'linux/prctl.h',
  'linux/fs.h',
  'linux/btrfs.h',
  'linux/loop.h',
  'poll.h',
  'sys/inotify.h',
  'sys/fanotify.h',
  'linux/magic.h',
]

/** sys/mount.h and linux/mount.h exclude each other: the names neither has are asked for twice. */
const OTHER_HEADERS = ['stdio.h', 'sys/mount.h']

/**
 * What Debian 12's headers lack, or hide from programs: compared with a newer kernel's source by
 * hand. A number is compared all the same where the headers have it.
 */
const MAY_BE_MISSING = new Set([
  'FMODE_EXEC',
  'S_IALLUGO',
  'AT_HANDLE_FID',
  'AT_HANDLE_MNT_ID_UNIQUE',
  'STATX_MNT_ID_UNIQUE',
  'MOVE_MOUNT_BENEATH',
  'FSCONFIG_CMD_CREATE_EXCL',
  'MS_NOSYMFOLLOW',
  'ST_NOSYMFOLLOW',
  'ST_RELATIME',
  'FASYNC',
  'FS_IOC_GETFSUUID',
  'XATTR_NAME_MAX',
  'XATTR_SIZE_MAX',
  'XATTR_LIST_MAX',
])

/** These are not preprocessor macros in every header: asked for as plain expressions. */
const ENUMERATED = /^(FSCONFIG_|DT_|ST_|RLIMIT_|LO_FLAGS_)/

/** name -> value, as a C program prints them. */
function compiled(
  folder: string,
  names: readonly string[],
  headers: readonly string[] = HEADERS,
): Map<string, bigint> {
  const lines = names.map(name =>
    ENUMERATED.test(name) && !MAY_BE_MISSING.has(name)
      ? `P(${name})`
      : `#ifdef ${name}\nP(${name})\n#endif`,
  )
  const source = [
    '#define _GNU_SOURCE',
    ...headers.map(header => `#include <${header}>`),
    '#define P(name) printf("%s %lld\\n", #name, (long long)(name));',
    `int main(void) {\n${lines.join('\n')}\nreturn 0; }`,
  ].join('\n')
  fs.writeFileSync(`${folder}/constants.c`, source)
  execFileSync('gcc', ['-w', '-o', `${folder}/constants`, `${folder}/constants.c`])
  const output = execFileSync(`${folder}/constants`).toString().trim().split('\n')
  return new Map(
    output.map(line => {
      const [name = '', value = ''] = line.split(' ')
      return [name, BigInt(value)]
    }),
  )
}

t.test('constants', async t => {
  const { path } = place(t)
  const ours = Object.entries<number>(constants)
  const names = ours.map(([name]) => name)
  const theirs = compiled(path, names)
  const left = names.filter(name => !theirs.has(name) && !ENUMERATED.test(name))
  for (const [name, value] of compiled(path, left, OTHER_HEADERS)) theirs.set(name, value)
  for (const [name, value] of ours) {
    const real = theirs.get(name)
    if (real === undefined) t.ok(MAY_BE_MISSING.has(name), `${name} is in no header`)
    // glibc hides O_LARGEFILE (0) on 64 bits; openat2 and the kernel have it.
    else if (name !== 'O_LARGEFILE') {
      t.equal(BigInt.asUintN(32, BigInt(value)), BigInt.asUintN(32, real), name)
    }
  }
})

t.test('errnos', async t => {
  const { path } = place(t)
  const theirs = compiled(path, Object.keys(E))
  for (const [name, value] of Object.entries(E)) {
    t.equal(theirs.get(name), BigInt(value), name)
    t.equal(errnoName(value), name)
  }
})
