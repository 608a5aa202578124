// What credentials.test.ts does on threads of their own: it ends by giving up rights for good.
import * as fs from 'node:fs'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CAP_SETUID,
  CLONE_FS,
  O_CREAT,
  O_RDWR,
  O_WRONLY,
} from '../../src/sys/constants.js'
import {
  assume,
  capget,
  capset,
  restore,
  setgroups,
  setresgid,
  setresuid,
  umask,
} from '../../src/sys/credentials.js'
import { close, openat2 } from '../../src/sys/file.js'
import { mkdirat, statx, unlinkat } from '../../src/sys/inode.js'
import { unshare } from '../../src/sys/namespace.js'
import { ST, statRecords, statWord } from '../../src/sys/stat.js'
import { outcome, succeed } from './place.js'

/** The calling thread's own lines of its status, by their names. */
export function threadStatus(...names: string[]): Record<string, string> {
  const lines = fs.readFileSync('/proc/thread-self/status', 'latin1').split('\n')
  return Object.fromEntries(
    lines
      .map(line => line.split(':\t') as [string, string])
      .filter(([name]) => names.includes(name)),
  )
}

const IDS = ['Uid', 'Gid', 'CapEff', 'CapPrm', 'CapInh', 'Umask', 'Groups']

/** A folder only root may enter, made by the main thread. */
const folder = (): string => process.env['TEST_CREDENTIALS'] ?? ''

/** Who owns what is made now: "uid gid", or the errno. */
function madeBy(name: string): string {
  const path = `${folder()}/${name}`
  const fd = openat2(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600, 0)
  if (fd < 0) return String(outcome(fd))
  close(fd)
  const record = statRecords(1)
  succeed(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, record, 0))
  succeed(unlinkat(AT_FDCWD, path, 0))
  return `${statWord(record, ST.uid)} ${statWord(record, ST.gid)}`
}

export function assuming(): unknown {
  const before = threadStatus(...IDS)
  const first = [restore(), assume(1000, 1001), madeBy('a')]
  const during = threadStatus('Uid', 'Gid', 'CapEff')
  const second = [assume(0, 5), madeBy('b'), assume(7, 0), madeBy('c')]
  const rights =
    outcome(openat2(AT_FDCWD, `${folder()}/secret`, O_WRONLY, 0, 0)) !== 'EACCES'
  const ended = [restore(), restore(), madeBy('d')]
  return { before, first, during, second, rights, ended, after: threadStatus(...IDS) }
}

/** With fewer effective than permitted capabilities the set must come back as it was. */
export function assumingWithFewer(): unknown {
  const sets = new Uint32Array(6)
  succeed(capget(sets))
  // CAP_DAC_READ_SEARCH, one that leaving and entering uid 0 touches.
  sets[0] = (sets[0] ?? 0) & ~4
  succeed(capset(sets))
  const before = threadStatus(...IDS)
  const made = [assume(1000, 1000), madeBy('e')]
  const during = threadStatus('CapEff')
  return { before, made, during, restored: restore(), after: threadStatus(...IDS) }
}

/** Without CAP_SETUID the kernel refuses in silence. */
export function assumingWithoutRights(): unknown {
  const sets = new Uint32Array(6)
  succeed(capget(sets))
  sets[0] = (sets[0] ?? 0) & ~(1 << CAP_SETUID)
  succeed(capset(sets))
  const before = threadStatus(...IDS)
  const refused = outcome(assume(1000, 1000))
  const after = threadStatus(...IDS)
  return { before, refused, after, made: madeBy('f'), own: assume(0, 0) }
}

/** Becoming somebody else for good, on this thread alone. */
export function becoming(): unknown {
  const results = [
    setgroups(new Uint32Array([5, 6])),
    setresgid(33, 33, 33),
    assume(8, 8),
    setresuid(-1, 33, 0xffffffff),
  ]
  const now = threadStatus('Uid', 'Gid', 'Groups')
  return {
    results,
    now,
    denied: madeBy('g'),
    back: setresuid(-1, 0, -1),
    made: madeBy('h'),
  }
}

/** The umask is this thread's once CLONE_FS is unshared. */
export function masking(): unknown {
  const results = [unshare(CLONE_FS), umask(0o77) >= 0]
  const record = statRecords(1)
  succeed(mkdirat(AT_FDCWD, `${folder()}/masked`, 0o777))
  succeed(statx(AT_FDCWD, `${folder()}/masked`, 0, record, 0))
  return { results, mode: statWord(record, ST.mode) & 0o777, mask: umask(0) }
}
