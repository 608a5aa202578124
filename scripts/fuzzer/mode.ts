// File types as the mode's bits and as the numbers of directory entries.

export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

export type Kind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block'

const KINDS: Readonly<Record<number, Kind>> = {
  [S_IFSOCK]: 'socket',
  [S_IFLNK]: 'symlink',
  [S_IFREG]: 'file',
  [S_IFBLK]: 'block',
  [S_IFDIR]: 'directory',
  [S_IFCHR]: 'char',
  [S_IFIFO]: 'fifo',
}

export function kindOfMode(mode: number): Kind {
  return KINDS[mode & S_IFMT] ?? 'file'
}
