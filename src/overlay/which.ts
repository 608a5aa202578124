// `plyfs which`: where a merged name comes from and why, answered by the mount itself.
import { isDotName } from '../layer/format.js'
import type { ArchivedOrigin } from '../layer/archive-layer/archived-lowers.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { opaqueValue } from '../layer/opaque.js'
import { hasDotWhiteout, isDeviceWhiteout, isXattrWhiteout } from '../layer/whiteout.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../layer/object-calls.js'
import { STAT_WORDS } from '../sys/stat.js'
import type { FileType, WhichAnswer } from './control.js'
import { lookupChild } from './lookup.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

const TYPES: Readonly<Record<number, FileType>> = {
  1: 'fifo',
  2: 'character device',
  4: 'directory',
  6: 'block device',
  8: 'file',
  10: 'symlink',
  12: 'socket',
}

const record = new Uint32Array(STAT_WORDS)

const ABSENT: Omit<WhichAnswer, 'name' | 'state' | 'reason'> = {
  type: null,
  layer: null,
  layerIndex: null,
  path: null,
  merged: [],
  mergedTotal: 0,
  opaque: false,
  copiedUp: false,
  whiteoutIn: null,
  redirect: null,
  dataIn: null,
  origins: [],
}

/** The answer for `name` in a directory; `.` is the directory itself. */
export function which(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
): WhichAnswer {
  if (name === '.') return ofNode(u, parent, parent.name === '' ? '/' : parent.name)
  const known = u.child(parent, name)
  const node = known ?? lookupChild(u, parent, name, record)
  if (node !== null && typeof node !== 'number') return ofNode(u, node, name)
  const hiding = findWhiteout(u, parent.dir, name)
  if (hiding === null)
    return { ...ABSENT, name, state: 'absent', reason: reasonOfAbsence(u, parent) }
  return {
    ...ABSENT,
    name,
    state: 'whiteout',
    layer: layerOf(hiding),
    layerIndex: indexOf(hiding),
    whiteoutIn: hostPath(hiding, name),
    origins: originsOf([hiding]),
    reason: `a whiteout in the ${label(hiding)} hides what lies below`,
  }
}

function ofNode(u: Union, node: Node, name: string): WhichAnswer {
  const parts = partsOf(node)
  const top = parts[0]
  const base: WhichAnswer = {
    ...ABSENT,
    name,
    state: 'present',
    reason: '',
    type: TYPES[node.type >>> 12] ?? null,
    layer: node.hasUpper ? 'upper' : 'lower',
    layerIndex: node.hasUpper || top === undefined ? null : indexOf(top.directory),
    path: top === undefined ? null : hostPath(top.directory, top.name),
    merged: parts.map(part => hostPath(part.directory, part.name)),
    mergedTotal: parts.length,
    copiedUp: node.hasUpper && (node.hasOrigin || (node.dir?.hasLower ?? false)),
    opaque: isOpaque(u, node, parts),
    redirect: node.dir?.redirect ?? null,
    dataIn: node.dataDir === null ? null : hostPath(node.dataDir, node.dataName),
    origins: originsOf(parts.map(part => part.directory)),
  }
  return { ...base, reason: reasonOf(base, top?.directory) }
}

/** The answer has to fit a buffer of 16 KiB. */
const ORIGINS = 4
const STEP = 1000

function originsOf(directories: readonly LayerDirectory[]): ArchivedOrigin[] {
  const origins = directories.flatMap(({ layer: { origin } }) =>
    origin === null ? [] : [origin],
  )
  return origins.slice(0, ORIGINS).map(origin => ({
    ...origin,
    createdBy: origin.createdBy?.slice(0, STEP) ?? null,
  }))
}

function isOpaque(u: Union, node: Node, parts: readonly Part[]): boolean {
  if (node.dir === null) return false
  const last = parts.at(-1)
  if (last === undefined) return false
  const directory = last.name === '' ? last.directory : null
  return directory !== null && opaqueValue(u.fd(directory), '', u.format) === 'y'
}

interface Part {
  readonly directory: LayerDirectory
  readonly name: string
}

/** The objects a node is made of, topmost first. */
function partsOf(node: Node): Part[] {
  if (node.dir !== null) {
    const upper = node.dir.upper === null ? [] : [node.dir.upper]
    return [...upper, ...node.dir.lowers].map(directory => ({ directory, name: '' }))
  }
  if (!node.hasUpper)
    return node.lowerDir === null
      ? []
      : [{ directory: node.lowerDir, name: node.lowerName }]
  const upper = node.parent?.dir?.upper
  return upper === null || upper === undefined
    ? []
    : [{ directory: upper, name: node.name }]
}

function reasonOf(answer: WhichAnswer, top: LayerDirectory | undefined): string {
  const where = top === undefined ? 'upper layer' : label(top)
  if (answer.type === 'directory' && answer.mergedTotal > 1)
    return `directories of ${answer.mergedTotal} layers are merged, attributes come from the ${where}`
  if (answer.copiedUp) return 'copied up from a lower layer'
  if (answer.layer === 'upper') return 'made in the upper layer'
  return `the topmost layer that has it is the ${where}`
}

function reasonOfAbsence(u: Union, parent: Node): string {
  const parts = partsOf(parent)
  const last = parts.at(-1)
  if (last === undefined || !isOpaque(u, parent, parts)) return 'no layer has this name'
  return `not in the layers that show: the opaque directory of the ${label(last.directory)} hides those below`
}

/** The directory that holds a whiteout of a name, null where there is none. */
function findWhiteout(u: Union, dir: Directory, name: string): LayerDirectory | null {
  if (u.format.dotWhiteouts && isDotName(name)) return null
  for (const part of dir.upper === null ? dir.lowers : [dir.upper, ...dir.lowers]) {
    const fd = u.fd(part)
    if (hasDotWhiteout(fd, name, u.format)) return part
    if (statx(fd, name, AT_SYMLINK_NOFOLLOW, record, 0) < 0) continue
    if (isDeviceWhiteout(record) || isXattrWhiteout(fd, name, record, u.format))
      return part
  }
  return null
}

function layerOf(directory: LayerDirectory): 'upper' | 'lower' {
  return directory.layer.index === 0 ? 'upper' : 'lower'
}

function indexOf(directory: LayerDirectory): number | null {
  return directory.layer.index === 0 ? null : directory.layer.index - 1
}

function label(directory: LayerDirectory): string {
  const { index } = directory.layer
  return index === 0 ? 'upper layer' : `lower layer ${index - 1}`
}

function hostPath(directory: LayerDirectory, name: string): string {
  return [directory.layer.path, directory.path(), name]
    .filter(part => part !== '')
    .join('/')
}
