// The control groups of a container, where the runtime was killed before it could remove them.
import * as fs from 'node:fs'

const ROOT = '/sys/fs/cgroup'

/** Under which the runtime makes them. */
export function groupOf(id: string): string {
  return `/plyfs/${id}`
}

/** Whether a process of the container's is there. */
export function hasProcesses(id: string): boolean {
  return hierarchies().some(hierarchy => {
    try {
      return fs.readFileSync(`${ROOT}${hierarchy}${groupOf(id)}/cgroup.procs`).length > 0
    } catch {
      // The group is not there.
      return false
    }
  })
}

/** '' where all of version 2 is one. */
function hierarchies(): string[] {
  return ['', ...fs.readdirSync(ROOT).map(name => `/${name}`)]
}

/** Removes those that are there and have no process left. */
export function removeGroups(id: string): void {
  for (const hierarchy of hierarchies()) {
    try {
      fs.rmdirSync(`${ROOT}${hierarchy}${groupOf(id)}`)
    } catch {
      // It is not there, or in use by what is about to end.
    }
  }
}

/** Whether the host has control groups of version 2 alone. */
export function isUnified(): boolean {
  return fs.existsSync(`${ROOT}/cgroup.controllers`)
}
