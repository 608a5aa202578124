// What tests call on files: the system calls, and what is made of them: whole files, whole
// listings, whole trees. Nothing here expects anything.
import * as C from '../../src/sys/constants.js'
import {
  close,
  getdents,
  lstat,
  open,
  read,
  rmdir,
  unlink,
  write,
  bytes,
  CallError,
  type Dirent,
  type Place,
} from './system-calls.js'

export * from './system-calls.js'
export * as C from '../../src/sys/constants.js'

/** Whether the name is there (ENOENT and ENOTDIR say no). */
export function exists(place: Place): boolean {
  try {
    lstat(place)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}

/** Opens, runs, closes whatever happened. */
export function withOpen<T>(
  place: Place,
  flags: number,
  run: (fd: number) => T,
  mode = 0o666,
): T {
  const fd = open(place, flags, mode)
  try {
    return run(fd)
  } finally {
    close(fd)
  }
}

/** Replaces the contents, creating the file when it is not there. */
export function writeFile(place: Place, data: Uint8Array | string, mode = 0o666): void {
  const raw = typeof data === 'string' ? bytes(data) : data
  withOpen(place, C.O_WRONLY | C.O_CREAT | C.O_TRUNC, fd => writeAll(fd, raw), mode)
}

export function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += write(fd, data.subarray(at))
}

export function readFile(place: Place): Buffer {
  return withOpen(place, C.O_RDONLY, readAll)
}

/** From the descriptor's position to the end. */
export function readAll(fd: number): Buffer {
  const parts: Buffer[] = []
  for (;;) {
    const part = read(fd, 1 << 17)
    if (part.length === 0) return Buffer.concat(parts)
    parts.push(part)
  }
}

export function readText(place: Place): string {
  return readFile(place).toString('latin1')
}

/** All records in the order given, `.` and `..` among them. */
export function listAll(place: Place, room = 32768): Dirent[] {
  return withOpen(place, C.O_RDONLY | C.O_DIRECTORY, fd => restOf(fd, room))
}

/** The records from the descriptor's position to the end. */
export function restOf(fd: number, room = 32768): Dirent[] {
  const entries: Dirent[] = []
  for (;;) {
    const part = getdents(fd, room)
    if (part.length === 0) return entries
    entries.push(...part)
  }
}

/** Sorted, without `.` and `..`. */
export function names(place: Place): string[] {
  return namesOf(listAll(place))
}

/** Sorted, without `.` and `..`. */
export function namesOf(entries: readonly Dirent[]): string[] {
  return entries
    .map(entry => entry.name)
    .filter(name => name !== '.' && name !== '..')
    .sort()
}

/** Removes a tree without following links; what is not there is fine. */
export function removeTree(path: string): void {
  if (!exists(path)) return
  if ((lstat(path).mode & C.S_IFMT) !== C.S_IFDIR) {
    unlink(path)
    return
  }
  for (const name of names(path)) removeTree(`${path}/${name}`)
  rmdir(path)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** The errno's name of an action that fails by a call, 'done' for one that does not fail. */
export function outcomeOf(action: () => unknown): string {
  try {
    action()
    return 'done'
  } catch (error) {
    return error instanceof CallError ? error.code : String(error)
  }
}
