// /proc/PID/mountinfo (proc_pid_mountinfo(5)), as bytes: names are latin1 strings. Reading is one
// call; parsing is pure and total, since a line of another kernel must not stop a mount.
import { readFileSync } from 'node:fs'
import { unescapePath } from './layer-paths.js'

export interface MountEntry {
  readonly id: number
  readonly parentId: number
  /** `major:minor` of the filesystem. */
  readonly device: string
  /** The directory of the filesystem that is mounted. */
  readonly root: string
  readonly mountPoint: string
  /** Options of this mount. */
  readonly options: readonly string[]
  /** `ext4`, `overlay`, `fuse.plyfs`. */
  readonly type: string
  readonly source: string
  /** Options of the filesystem: octal escapes undone, its own escapes not. */
  readonly superOptions: readonly string[]
}

/** The mounts that a process sees, in the order of the kernel: later ones hide earlier ones. */
export function readMountinfo(pid: number | 'self' = 'self'): MountEntry[] {
  return parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'))
}

/** Lines that are not mount entries are left out. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap(line => parseLine(line) ?? [])
}

function parseLine(line: string): MountEntry | null {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  const [id, parentId, device, root, mountPoint, options] = fields
  const [type, source, superOptions] = dash === -1 ? [] : fields.slice(dash + 1)
  if (options === undefined || superOptions === undefined) return null
  return {
    id: Number(id),
    parentId: Number(parentId),
    device: device ?? '',
    root: unescapeOctal(root ?? ''),
    mountPoint: unescapeOctal(mountPoint ?? ''),
    options: options.split(','),
    type: unescapeOctal(type ?? ''),
    source: unescapeOctal(source ?? ''),
    superOptions: superOptions.split(',').map(unescapeOctal),
  }
}

/** mangle_path and seq_escape write a space as \040, a newline as \012, a backslash as \134. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_all, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  )
}

/**
 * A path among an overlay's `superOptions`, or null. ovl_show_options writes it as it was given to
 * the kernel: with the backslashes that ovl_unescape drops, and relative if it was so.
 */
export function overlayPath(
  entry: MountEntry,
  option: 'upperdir' | 'workdir',
): string | null {
  const found = entry.superOptions.find(each => each.startsWith(`${option}=`))
  return found === undefined
    ? null
    : unescapePath(found.slice(option.length + 1), 'kernel')
}
