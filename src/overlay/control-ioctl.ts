// Answers plyfs's own ioctls: `which` on a directory, `stats` on the root.
import { E } from '../errno/errno.js'
import type { Reply } from '../fuse/reply.js'
import type { StatsAnswer, WhichAnswer } from './control.js'
import { answer } from './flags-ioctl.js'
import { DT_DIR } from './listings.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'
import { which } from './which.js'

const NAME_MAX = 255

/** PLYFS_IOC_WHICH. 0 or -errno. */
export function answerWhich(
  u: Union,
  reply: Reply,
  parent: Node & { dir: Directory },
  input: Uint8Array,
  outputSize: number,
): number {
  const end = input.indexOf(0)
  const bytes = Buffer.from(input.buffer, input.byteOffset, end < 0 ? input.length : end)
  const name = bytes.toString('latin1')
  if (name.length > NAME_MAX) return -E.ENAMETOOLONG
  if (name === '' || name === '..' || name.includes('/')) return -E.EINVAL
  let found: WhichAnswer = which(u, parent, name)
  while (found.merged.length > 0 && json(found).length >= outputSize)
    found = { ...found, merged: found.merged.slice(0, found.merged.length >>> 1) }
  return send(reply, json(found), outputSize)
}

/** PLYFS_IOC_STATS. `since` is the time of the mount in milliseconds. */
export function answerStats(
  u: Union,
  reply: Reply,
  version: string,
  since: number,
  passthrough: boolean,
  outputSize: number,
): number {
  const session = u.channel.statistics()
  let directories = 0
  for (const [node, dormant] of u.nodes.all())
    if (dormant < 0 ? node.isDirectory : node.dir?.listing?.typeAt(dormant) === DT_DIR)
      directories++
  const stats: StatsAnswer = {
    version,
    pid: process.pid,
    protocol: session.protocol,
    passthrough: passthrough && u.files.usesPassthrough,
    upper: u.stack.upper?.path ?? null,
    archive: u.options.archive?.archive ?? null,
    lowers: u.stack.lowers.length,
    dataLowers: u.stack.dataLowers.length,
    format: u.format.name,
    uptime: Math.round((Date.now() - since) / 1000),
    nodes: u.nodes.size,
    directories,
    openFiles: u.files.open,
    backingIds: u.files.backingIds,
    descriptors: u.directoryFds.size + u.fileFds.size,
    requests: session.requests,
    errors: session.errors,
    copyUps: { ...u.copyUps },
    ahead: { ...u.ahead.figures },
  }
  return send(reply, json(stats), outputSize)
}

function json(value: object): string {
  return `${JSON.stringify(value)}\0`
}

function send(reply: Reply, text: string, outputSize: number): number {
  if (text.length > outputSize) return -E.EOVERFLOW
  return answer(reply, Buffer.from(text, 'latin1'))
}
