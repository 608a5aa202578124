// Operations on attributes: stat and its changes, inode flags, extended attributes.
import {
  existing,
  fresh,
  isAnything,
  isFile,
  mayLieBelowRemoved,
  directoryMode,
  mode,
  openSlot,
  type Scene,
} from './choose.js'
import {
  FS_APPEND,
  FS_IMMUTABLE,
  FS_NOATIME,
  FS_NODUMP,
  O,
  UTIME_NOW,
  UTIME_OMIT,
} from './flags.js'
import type { Generator } from './generate.js'
import type { Inode, OpenFile } from './model.js'
import { ATTRIBUTES } from './values.js'

const own =
  ({ user }: Scene) =>
  (inode: Inode): boolean =>
    user === 'u0' || inode.uid === { u1: 1001, u2: 1002 }[user]

const onPath =
  (
    make: (scene: Scene, path: string) => ReturnType<Generator>,
    suits: (scene: Scene) => (inode: Inode) => boolean = () => isAnything,
  ): Generator =>
  scene => {
    const path = existing(scene, suits(scene))
    return path === undefined ? undefined : make(scene, path)
  }

const notPath = (file: OpenFile): boolean => (file.flags & O.PATH) === 0

/** Not compared: 'attributes of removed lower files'. */
const changeable = (file: OpenFile): boolean => notPath(file) && !mayLieBelowRemoved(file)

const onSlot =
  (
    make: (scene: Scene, slot: number) => ReturnType<Generator>,
    suits: (file: OpenFile) => boolean = notPath,
  ): Generator =>
  scene => {
    const slot = openSlot(scene, suits)
    return slot === undefined ? undefined : make(scene, slot)
  }

function modeFor({ random, model }: Scene, path: string): number {
  return model.paths().get(path)?.kind === 'directory'
    ? directoryMode(random)
    : mode(random)
}

function owners(
  scene: Scene,
  inode: Inode | undefined,
): [uid: number, gid: number] | undefined {
  const { random, user } = scene
  if (user === 'u0') {
    return [random.pick([-1, 0, 1001, 1002]), random.pick([-1, 0, 1001, 2000])]
  }
  const uid = random.pick([-1, inode?.uid ?? -1])
  const gid = random.pick([-1, 2000, 2000, user === 'u1' ? 2001 : 2002])
  const isNothing = uid < 0 && gid < 0
  if (isNothing && (looksLikeWrite(scene, inode) || mayHaveCapability(scene, inode)))
    return undefined
  return [uid, gid]
}

/** Not compared: 'file capabilities after a chown of nothing'. Nobody knows where a symlink leads. */
function mayHaveCapability(scene: Scene, inode: Inode | undefined): boolean {
  if (inode?.kind === 'symlink') return true
  return inode?.xattrs.has('security.capability') === true && !own(scene)(inode)
}

/** Not compared: 'chown of nothing while a file is open for writing'. */
function looksLikeWrite(scene: Scene, inode: Inode | undefined): boolean {
  if (!inode || own(scene)(inode)) return false
  const { open, mappings } = scene.model
  const mapped = [...mappings.values()].some(mapping => mapping.inode === inode)
  const writers = [...open.values()].filter(file => (file.flags & 3) !== O.RDONLY)
  return mapped || writers.some(file => file.inode === inode)
}

function times({ random }: Scene): [number, number, number, number] {
  const one = (): [number, number] =>
    random.pick([
      [0, UTIME_NOW],
      [0, UTIME_OMIT],
      [1, 1],
      [1_000_000_000, 999_999_999],
      [-1, 500_000_000],
      [4_294_967_296, 5],
      [1_500_000_000, 0],
    ])
  return [...one(), ...one()]
}

const nofollow = ({ random }: Scene): number => (random.chance(0.6) ? 1 : 0)

const setxattr = onPath((scene, path) => {
  const { name, value } = scene.random.weighted(ATTRIBUTES)
  const flags = scene.random.weighted([
    [8, 0],
    [1, 1],
    [1, 2],
  ] as const)
  return ['setxattr', path, name, value(scene.random), flags, nofollow(scene)]
}, own)

/** Most often one the file has. */
function attributeOf({ random, user }: Scene, inode: Inode | undefined): string {
  const known = [...(inode?.xattrs ?? [])].filter(
    name => user === 'u0' || !name.startsWith('trusted.'),
  )
  if (known.length > 0 && random.chance(0.85)) return random.pick(known)
  return random.weighted(ATTRIBUTES).name
}

const hasXattrs = (inode: Inode): boolean => inode.xattrs.size > 0

const getxattr = onPath(
  (scene, path) => [
    'getxattr',
    path,
    attributeOf(scene, scene.model.paths().get(path)),
    scene.random.pick([65_536, 65_536, 65_536, 0, 3]),
    nofollow(scene),
  ],
  ({ random }) => (random.chance(0.8) ? hasXattrs : isAnything),
)

const removexattr = onPath(
  (scene, path) => {
    const name = attributeOf(scene, scene.model.paths().get(path))
    return mayRemove(scene, name) ? ['removexattr', path, name, 1] : undefined
  },
  scene => inode => hasXattrs(inode) && own(scene)(inode),
)

/**
 * Not compared: 'set-group-id bit when an ACL is removed', 'ACLs that go by their name on the disk'.
 */
function mayRemove({ user }: Scene, name: string): boolean {
  if (name.startsWith('trusted.SGI_ACL_')) return false
  return user === 'u0' || name !== 'system.posix_acl_access'
}

/** Immutable and append-only files come and go: those that exist are often released. */
const setflags = onSlot(
  (scene, slot) => {
    const inode = scene.model.slot(scene.user, slot)?.inode
    const mask = scene.random.weighted([
      [4, FS_NODUMP],
      [3, FS_NOATIME],
      [2, FS_IMMUTABLE],
      [2, FS_APPEND],
    ] as const)
    if (inode?.locked) return ['setflags', slot, FS_IMMUTABLE | FS_APPEND, 0]
    return ['setflags', slot, mask, scene.random.chance(0.6) ? mask : 0]
  },
  file =>
    changeable(file) && (file.inode.kind === 'file' || file.inode.kind === 'directory'),
)

const releaseLocked: Generator = scene => {
  if (scene.user !== 'u0') return undefined
  const locked = openSlot(scene, file => file.inode.locked && changeable(file))
  if (locked !== undefined) return ['setflags', locked, FS_IMMUTABLE | FS_APPEND, 0]
  const path = existing(scene, inode => inode.locked)
  return path === undefined ? undefined : ['open', 0, path, O.RDONLY, 0]
}

const XFLAG_NODUMP = 0x80

export const ATTRIBUTE_OPERATIONS: readonly (readonly [weight: number, Generator])[] = [
  [22, onPath((scene, path) => ['stat', path, nofollow(scene)])],
  [12, onPath((_, path) => ['lstat', path])],
  [3, scene => ['lstat', fresh(scene)]],
  [10, onSlot(({ random }, slot) => ['fstat', slot, random.below(2)], isAnything)],
  [
    12,
    onPath(
      (s, path) => ['chmod', path, modeFor(s, path), s.random.chance(0.1) ? 1 : 0],
      own,
    ),
  ],
  [4, onSlot((scene, slot) => ['fchmod', slot, mode(scene.random)], changeable)],
  [
    10,
    onPath((scene, path) => {
      const change = owners(scene, scene.model.paths().get(path))
      return change && ['chown', path, ...change, nofollow(scene)]
    }, own),
  ],
  [
    3,
    onSlot((scene, slot) => {
      const change = owners(scene, scene.model.slot(scene.user, slot)?.inode)
      return change && ['fchown', slot, ...change]
    }, changeable),
  ],
  [12, onPath((scene, path) => ['utimes', path, ...times(scene), nofollow(scene)], own)],
  [4, onSlot((scene, slot) => ['futimes', slot, ...times(scene)], changeable)],
  [2, onPath((_, path) => ['statfs', path])],
  [
    6,
    onPath((s, path) => [
      'access',
      path,
      s.random.below(8),
      s.random.chance(0.2) ? 1 : 0,
    ]),
  ],
  [18, setxattr],
  [14, getxattr],
  [6, onPath((scene, path) => ['listxattr', path, nofollow(scene)])],
  [8, removexattr],
  [
    4,
    onSlot(({ random }, slot) => {
      const { name, value } = random.weighted(ATTRIBUTES)
      return ['fsetxattr', slot, name, value(random), 0]
    }, changeable),
  ],
  [
    4,
    onSlot((scene, slot) => {
      const inode = scene.model.slot(scene.user, slot)?.inode
      return ['fgetxattr', slot, attributeOf(scene, inode)]
    }),
  ],
  [3, onSlot((_, slot) => ['flistxattr', slot])],
  [
    2,
    onSlot((scene, slot) => {
      const name = attributeOf(scene, scene.model.slot(scene.user, slot)?.inode)
      return mayRemove(scene, name) ? ['fremovexattr', slot, name] : undefined
    }, changeable),
  ],
  [4, onSlot((_, slot) => ['getflags', slot])],
  [4, setflags],
  [5, releaseLocked],
  [2, onSlot((_, slot) => ['getxflags', slot])],
  [
    2,
    onSlot(
      ({ random }, slot) => [
        'setxflags',
        slot,
        XFLAG_NODUMP,
        random.chance(0.5) ? XFLAG_NODUMP : 0,
      ],
      changeable,
    ),
  ],
  [
    1,
    onPath(
      (_, path) => ['access', path, 0, 0],
      () => isFile,
    ),
  ],
]
