// What the rows are called that others are compared with.
export const TITLES = {
  findFirst: 'find with stat, fresh mount',
  findAgain: 'find with stat, again',
  tarFirst: 'tar of everything, fresh mount',
  tarAgain: 'tar of everything, again',
  readFirst: 'open, read, close small files, fresh mount',
  readAgain: 'open, read, close small files, again',
  absentFirst: 'absent names, first',
  absentAgain: 'absent names, again',
  create: 'create files of 2 KB',
  parallelFind: '4 find with stat at once, fresh mount',
} as const
