// From the bytes of a request to the arguments of its operation.
import t from 'tap'
import { E } from '../../../src/errno/errno.js'
import { toErrno } from '../../../src/errno/fs-error.js'
import { OP, OP_LIMIT, opcodeName } from '../../../src/fuse/abi/opcodes.js'
import { handlerOf } from '../../../src/fuse/dispatch.js'
import type { AttributeChange, Operations } from '../../../src/fuse/operations.js'
import { Reply } from '../../../src/fuse/reply.js'
import type { Request } from '../../../src/fuse/request.js'
import { frame } from './frames.js'

interface Call {
  readonly method: string
  readonly args: readonly unknown[]
}

/** Operations that note how they are called. */
function recorder(calls: Call[]): Operations {
  const handler: ProxyHandler<object> = {
    get:
      (_target, method) =>
      (...args: unknown[]): number => {
        calls.push({ method: String(method), args })
        return 0
      },
  }
  return new Proxy({}, handler) as Operations
}

function dispatch(request: Request, longSetxattr = true): Call | undefined {
  const calls: Call[] = []
  const handler = handlerOf(request.opcode)
  handler?.(recorder(calls), request, new Reply(new ArrayBuffer(4096)), { longSetxattr })
  return calls[0]
}

function errnoOf(act: () => unknown): number {
  try {
    act()
    return 0
  } catch (error) {
    return toErrno(error)
  }
}

/** The arguments after the request and the reply. */
function argumentsOf(request: Request, longSetxattr = true): unknown[] {
  return dispatch(request, longSetxattr)?.args.slice(2) ?? []
}

void t.test('requests are decoded to the arguments of their operation', async t => {
  const cases: [Request, string, unknown[]][] = [
    [frame(OP.LOOKUP, 1, [], ['etc']), 'lookup', [1, 'etc']],
    [frame(OP.GETATTR, 3, [1, 0, 9, 0]), 'getattr', [3, 9]],
    [frame(OP.GETATTR, 3, [0, 0, 9, 0]), 'getattr', [3, 0]],
    [
      frame(OP.SYMLINK, 2, [], ['name', 'target/of']),
      'symlink',
      [2, 'name', 'target/of'],
    ],
    [
      frame(OP.MKNOD, 2, [0o10644, 259, 0o22, 0], ['fifo']),
      'mknod',
      [2, 'fifo', 0o10644, 259, 0o22],
    ],
    [frame(OP.MKDIR, 2, [0o755, 0o22], ['d']), 'mkdir', [2, 'd', 0o755, 0o22]],
    [frame(OP.UNLINK, 2, [], ['x']), 'unlink', [2, 'x']],
    [frame(OP.RMDIR, 2, [], ['x']), 'rmdir', [2, 'x']],
    [frame(OP.RENAME, 2, [5, 0], ['a', 'b']), 'rename', [2, 'a', 5, 'b', 0]],
    [frame(OP.RENAME2, 2, [5, 0, 2, 0], ['a', 'b']), 'rename', [2, 'a', 5, 'b', 2]],
    [frame(OP.LINK, 2, [9, 0], ['l']), 'link', [9, 2, 'l']],
    [frame(OP.OPEN, 4, [0o101002, 1]), 'open', [4, 0o101002, 1]],
    [
      frame(OP.CREATE, 2, [0o102, 0o644, 0o22, 0], ['f']),
      'create',
      [2, 'f', 0o102, 0o644, 0o22],
    ],
    [frame(OP.TMPFILE, 2, [0o2, 0o600, 0o77, 0], ['']), 'tmpfile', [2, 0o2, 0o600, 0o77]],
    [frame(OP.READ, 4, [7, 0, 0, 1, 4096, 0, 0, 0, 0, 0]), 'read', [4, 7, 2 ** 32, 4096]],
    [frame(OP.RELEASE, 4, [7, 0, 0, 0, 0, 0]), 'release', [4, 7]],
    [frame(OP.FSYNC, 4, [7, 0, 1, 0]), 'fsync', [4, 7, true]],
    [frame(OP.FSYNCDIR, 4, [0, 0, 0, 0]), 'fsyncdir', [4, false]],
    [frame(OP.READDIR, 4, [0, 0, 5, 0, 1024, 0, 0, 0, 0, 0]), 'readdir', [4, 5, 1024]],
    [
      frame(OP.READDIRPLUS, 4, [0, 0, 5, 0, 1024, 0, 0, 0, 0, 0]),
      'readdirplus',
      [4, 5, 1024],
    ],
    [frame(OP.GETXATTR, 4, [64, 0], ['user.a']), 'getxattr', [4, 'user.a', 64]],
    [frame(OP.LISTXATTR, 4, [64, 0]), 'listxattr', [4, 64]],
    [frame(OP.REMOVEXATTR, 4, [], ['user.a']), 'removexattr', [4, 'user.a']],
    [frame(OP.FALLOCATE, 4, [7, 0, 10, 0, 20, 0, 1, 0]), 'fallocate', [4, 7, 1, 10, 20]],
    [frame(OP.LSEEK, 4, [7, 0, 10, 0, 3, 0]), 'lseek', [4, 7, 10, 3]],
    [
      frame(OP.COPY_FILE_RANGE, 4, [7, 0, 1, 0, 5, 0, 8, 0, 2, 0, 3, 0, 0, 0]),
      'copyFileRange',
      [4, 7, 1, 5, 8, 2, 3, false],
    ],
  ]
  for (const [request, method, expected] of cases) {
    const name = opcodeName(request.opcode)
    t.equal(dispatch(request)?.method, method, name)
    t.same(argumentsOf(request), expected, `${name} arguments`)
  }
})

void t.test('SETATTR carries signed times and all its fields', async t => {
  const minus = [0xffff_ffff, 0xffff_ffff]
  const words = [
    0x3f,
    0,
    7,
    0,
    100,
    1,
    0,
    0,
    ...minus,
    5,
    0,
    0,
    0,
    111,
    222,
    0,
    0o644,
    0,
    10,
    20,
    0,
  ]
  let seen: AttributeChange | null = null
  const fs = new Proxy(
    {},
    {
      get: () => (_q: Request, _r: Reply, _id: number, change: AttributeChange) => {
        seen = { ...change }
        return 0
      },
    },
  ) as Operations
  const request = frame(OP.SETATTR, 3, words)
  handlerOf(OP.SETATTR)?.(fs, request, new Reply(new ArrayBuffer(4096)), {
    longSetxattr: true,
  })
  t.match(seen, {
    valid: 0x3f,
    fh: 7,
    size: 2 ** 32 + 100,
    atime: -1,
    mtime: 5,
    atimeNsec: 111,
    mtimeNsec: 222,
    mode: 0o644,
    uid: 10,
    gid: 20,
  })
})

void t.test('SETXATTR has two forms', async t => {
  const long = frame(OP.SETXATTR, 3, [2, 1, 1, 0], ['user.k', 'v'])
  t.same(argumentsOf(long).slice(0, 2), [3, 'user.k'])
  t.same(Buffer.from(argumentsOf(long)[2] as Uint8Array).toString('latin1'), 'v\0')
  t.same(argumentsOf(long).slice(3), [1, true])
  const short = frame(OP.SETXATTR, 3, [2, 1], ['user.k', 'v'])
  t.same(argumentsOf(short, false).slice(3), [1, false])
})

void t.test('a name without an end, and data beyond the request, are errors', async t => {
  const cut = frame(OP.LOOKUP, 1, [], ['abc'])
  cut.bytes.writeUInt32LE(43, 0)
  t.equal(
    errnoOf(() => dispatch(cut)),
    E.EIO,
  )
  const lying = frame(OP.SETXATTR, 3, [9999, 0, 0, 0], ['user.k', 'v'])
  t.equal(
    errnoOf(() => dispatch(lying)),
    E.EIO,
  )
})

void t.test('what the kernel shall not ask for has no handler', async t => {
  for (const op of [
    OP.FLUSH,
    OP.ACCESS,
    OP.GETLK,
    OP.SETLK,
    OP.SETLKW,
    OP.POLL,
    OP.BMAP,
    OP_LIMIT,
  ])
    t.equal(handlerOf(op), undefined, opcodeName(op))
})

void t.test('names are bytes', async t => {
  const name = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
    .filter(c => c !== '/')
    .join('')
  t.same(argumentsOf(frame(OP.LOOKUP, 1, [], [name])), [1, name])
})
