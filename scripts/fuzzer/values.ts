// Values of extended attributes: access control lists, file capabilities, plain ones.
import type { Random } from './random.js'

const TAG = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 16, OTHER: 32 } as const
const UNDEFINED_ID = 0xffffffff

/** `system.posix_acl_*` in hex: owner, one user, group, one group, mask, other. */
export function acl(random: Random): string {
  const bits = (): number => random.pick([7, 7, 6, 5, 4, 0])
  const entries: [tag: number, permissions: number, id: number][] = [
    [TAG.USER_OBJ, random.pick([7, 6]), UNDEFINED_ID],
  ]
  const named = random.chance(0.7)
  if (named) entries.push([TAG.USER, bits(), random.pick([1001, 1002])])
  entries.push([TAG.GROUP_OBJ, bits(), UNDEFINED_ID])
  if (named && random.chance(0.5))
    entries.push([TAG.GROUP, bits(), random.pick([2000, 2001])])
  if (named) entries.push([TAG.MASK, random.pick([7, 7, 5]), UNDEFINED_ID])
  entries.push([TAG.OTHER, bits(), UNDEFINED_ID])
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2, 0)
  for (const [i, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + i * 8)
    bytes.writeUInt16LE(permissions, 6 + i * 8)
    bytes.writeUInt32LE(id, 8 + i * 8)
  }
  return bytes.toString('hex')
}

/** `security.capability`, revision 2: CAP_NET_RAW or CAP_CHOWN, effective. */
export function capability(random: Random): string {
  const permitted = random.pick([0x2000, 0x1])
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32LE(0x02000001, 0)
  bytes.writeUInt32LE(permitted, 4)
  return bytes.toString('hex')
}

export function plain(random: Random): string {
  const length = random.pick([0, 1, 5, 5, 20, 300, 1500])
  return Buffer.alloc(length, random.below(256)).toString('hex')
}

/** Attribute names with how often they are used and what they hold. */
export const ATTRIBUTES: readonly (readonly [
  weight: number,
  { readonly name: string; readonly value: (random: Random) => string },
])[] = [
  [8, { name: 'user.a', value: plain }],
  [4, { name: 'user.b', value: plain }],
  [1, { name: 'user.' + 'n'.repeat(200), value: plain }],
  [4, { name: 'trusted.t', value: plain }],
  [2, { name: 'security.other', value: plain }],
  [3, { name: 'security.capability', value: capability }],
  [5, { name: 'system.posix_acl_access', value: acl }],
  [4, { name: 'system.posix_acl_default', value: acl }],
  // Overlay attributes set through the mount are data: they are kept escaped.
  [1, { name: 'trusted.overlay.opaque', value: () => '79' }],
  [1, { name: 'trusted.overlay.whiteout', value: plain }],
  [1, { name: 'trusted.overlay.overlay.redirect', value: plain }],
  [1, { name: 'user.overlay.opaque', value: () => '79' }],
  [1, { name: 'nonsense', value: plain }],
]
