// Every function of the addon refuses wrong arguments with TypeError, before it calls the kernel.
import t from 'tap'
import { native } from '../../src/sys/native.js'

/**
 * The kinds of each function's arguments: i a 32-bit number, w a wide one, s a name, n a name or
 * null, b a boolean, U Uint8Array, W Uint32Array, I Int32Array, D Float64Array, z an inflater.
 */
const SIGNATURES: Record<Exclude<keyof typeof native, 'abi' | 'restore'>, string> = {
  statx: 'isiWw',
  uniqueMountId: 'i',
  statxBatch: 'iUWwwW',
  mkdirat: 'isi',
  mknodat: 'isii',
  symlinkat: 'sis',
  linkat: 'isisi',
  unlinkat: 'isi',
  renameat2: 'isisi',
  fchownat: 'isiii',
  fchmodat: 'isii',
  utimensat: 'iswwwwi',
  readlinkat: 'isUw',
  openat2: 'isiiw',
  close: 'i',
  dup: 'i',
  dup2: 'ii',
  pread: 'iUwww',
  pwrite: 'iUwww',
  ftruncate: 'iw',
  truncate: 'nw',
  fallocate: 'iiww',
  lseek: 'iwi',
  fsync: 'i',
  fdatasync: 'i',
  sync_file_range: 'iwwi',
  syncfs: 'i',
  flock: 'ii',
  ficlone: 'ii',
  copy_file_range: 'iwiwwi',
  fstatfs: 'iW',
  ioctlBuffer: 'iiU',
  ioctlNumber: 'iiw',
  getdents64: 'iUw',
  getxattrat: 'issU',
  setxattrat: 'issUi',
  listxattrat: 'isU',
  xattrPrefixBatch: 'iUWwwsU',
  removexattrat: 'iss',
  name_to_handle_at: 'isUIi',
  open_by_handle_at: 'iUi',
  getfsuuid: 'iU',
  mount: 'sssws',
  umount2: 'si',
  open_tree: 'isi',
  mount_setattr: 'isiwwww',
  move_mount: 'isisi',
  fsopen: 'si',
  fsconfig: 'iinni',
  fsmount: 'iii',
  unshare: 'i',
  setns: 'ii',
  inotify_init1: 'i',
  inotify_add_watch: 'isi',
  fanotify_init: 'ii',
  fanotify_mark: 'iiwis',
  assume: 'ii',
  umask: 'i',
  capget: 'W',
  capset: 'W',
  setgroups: 'W',
  setresuid: 'iii',
  setresgid: 'iii',
  getrlimit: 'iD',
  setrlimit: 'iww',
  prctl: 'iwwww',
  eventfd: 'i',
  eventfdSignal: 'i',
  socketpair: 'I',
  receiveFd: 'i',
  sendFd: 'ii',
  peerCredentials: 'iI',
  pollAsync: 'ii',
  backingOpen: 'ii',
  backingClose: 'ii',
  deviceClone: 'ii',
  loopCreate: 'ww',
  loopDestroy: 'i',
  loopAdd: 'ii',
  loopRemove: 'ii',
  loopExchange: 'iiwww',
  loopReply: 'iiw',
  loopReadNow: 'iiiiiww',
  poolStart: 'ii',
  loopDrain: 'iD',
  loopPost: 'iiw',
  poolRead: 'iiiiiwwib',
  poolWrite: 'iiiiiwwwwib',
  poolFsync: 'iiiiibib',
  poolFallocate: 'iiiiiiwwib',
  poolCopyRange: 'iiiiiwiwwbib',
  poolCopyData: 'iiiwii',
  poolCopyPart: 'iiwiwwii',
  poolSync: 'iiii',
  poolNotify: 'iiUi',
  poolForgetNotices: 'ii',
  loopWakeAlways: 'if',
  copyData: 'iiwi',
  inflateCreate: 'i',
  inflateReset: 'zi',
  inflatePrime: 'zii',
  inflateSetWindow: 'zU',
  inflateGetWindow: 'zU',
  inflateRun: 'zUUwD',
  inflateRunAsync: 'zUUwD',
  crc32: 'iU',
  recordedTreeAsync: 'iWii',
}

/** A right argument of a kind; numbers name no descriptor and no loop. */
function right(kind: string): unknown {
  switch (kind) {
    case 's':
    case 'n':
      return 'x'
    case 'b':
      return true
    case 'U':
      return new Uint8Array(64)
    case 'W':
      return new Uint32Array(64)
    case 'I':
      return new Int32Array(64)
    case 'D':
      return new Float64Array(64)
    case 'z':
      return native.inflateCreate(-15)
    default:
      return -1
  }
}

function wrong(kind: string): unknown[] {
  const common = [undefined, {}, Symbol('x')]
  switch (kind) {
    case 's':
      return [...common, 1, null, 'with\0NUL']
    case 'n':
      return [...common, 1, 'with\0NUL']
    case 'b':
      return [...common, 0, null, 'true']
    case 'U':
      return [...common, [1], new Uint32Array(64), new ArrayBuffer(64), null]
    case 'W':
      return [...common, [1], new Int32Array(64), new Uint8Array(256), null]
    case 'I':
      return [...common, [1], new Uint32Array(64), null]
    case 'D':
      return [...common, [1], new Float32Array(64), null]
    case 'z':
      return [...common, 1, null, 'x']
    case 'i':
      return [...common, '1', null, 1n, NaN, 0.5, Infinity, 2 ** 32, -(2 ** 31) - 1]
    default:
      return [...common, '1', null, 1n, NaN, 0.5, Infinity, 2 ** 53]
  }
}

t.test('the table names every function', async t => {
  t.strictSame(
    [...Object.keys(SIGNATURES), 'abi', 'restore'].sort(),
    Object.keys(native).sort(),
  )
})

for (const [name, kinds] of Object.entries(SIGNATURES)) {
  const call = native[name as keyof typeof native] as (...args: unknown[]) => unknown
  t.test(name, async t => {
    let refused = 0
    for (const [index, kind] of [...kinds].entries()) {
      for (const value of wrong(kind)) {
        const args = [...kinds].map(right)
        args[index] = value
        try {
          call(...args)
          t.fail(`argument ${index + 1} = ${String(value)} was taken`)
        } catch (error) {
          if (!(error instanceof TypeError)) t.fail(`${String(error)} is no TypeError`)
          refused++
        }
      }
    }
    t.throws(() => call(), TypeError, 'none at all')
    t.ok(refused > 0, `refused ${refused} times`)
  })
}
