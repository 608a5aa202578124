// Looks at processes that hang and at the FUSE connections they hang on, from outside: it reads
// /proc and fusectl only, and touches no mount.
import * as fs from 'node:fs'

export interface Connection {
  readonly mountPoint: string
  readonly number: number
  abort(): void
}

/** The FUSE mounts in the mount namespaces of `pid` and of all its descendants. */
export function fuseConnections(pid: number): Connection[] {
  const found = new Map<number, Connection>()
  for (const member of [pid, ...descendants(pid)]) {
    for (const line of readLines(`/proc/${member}/mountinfo`)) {
      const [before, after] = line.split(' - ')
      const fields = before?.split(' ')
      const device = fields?.[2]?.split(':')
      if (!after?.startsWith('fuse') || device === undefined) continue
      const number = Number(device[1])
      const mountPoint = fields?.[4] ?? '?'
      found.set(number, { mountPoint, number, abort: () => abort(member, number) })
    }
  }
  return [...found.values()]
}

/** Makes every call on the connection fail, also those that wait. */
function abort(member: number, connection: number): void {
  const control = `/proc/${member}/root/sys/fs/fuse/connections/${connection}/abort`
  // A connection that has ended meanwhile has no control file.
  if (fs.existsSync(control)) fs.writeFileSync(control, '1')
}

/** What each process below `pid` is doing, as TAP comments. */
export function describeHang(pid: number): string {
  return descendants(pid)
    .map(describe)
    .filter(text => text !== '')
    .join('')
}

function describe(pid: number): string {
  const command = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 160)
  const threads = readNames(`/proc/${pid}/task`).map(thread => {
    const status = readLines(`/proc/${pid}/task/${thread}/status`)
    const state = status.find(line => line.startsWith('State:'))?.slice(7) ?? '?'
    const stack = readLines(`/proc/${pid}/task/${thread}/stack`)
      .map(line => line.replace(/^\[<0>\] /, '').replace(/\+.*/, ''))
      .slice(0, 8)
    return `#     ${thread} ${state} ${stack.join(' < ')}\n`
  })
  // Threads that only wait for work say nothing.
  const telling = threads.filter(line => !/futex_wait|ep_poll/.test(line))
  return command === '' ? '' : `#   ${pid} ${command}\n${telling.join('')}`
}

/** All processes below `pid`, by the parents that /proc names. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readNames('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readText(`/proc/${name}/stat`)
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const all: number[] = []
  const collect = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      all.push(child)
      collect(child)
    }
  }
  collect(pid)
  return all
}

// Processes come and go while we look: what is not there any more is empty.
function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function readLines(file: string): string[] {
  return readText(file)
    .split('\n')
    .filter(line => line !== '')
}

function readNames(directory: string): string[] {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}
