// Whether a process's control group is frozen, as `pause` does it: told by the kernel's own files,
// of either version of control groups.
import * as fs from 'node:fs'

const ROOT = '/sys/fs/cgroup'

/** False where nothing can be told. */
export function isFrozen(pid: number): boolean {
  for (const line of read(`/proc/${pid}/cgroup`).split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers.split(',').includes('freezer'))
      return read(`${ROOT}/freezer${path}/freezer.state`).startsWith('FR')
    if (controllers === '' && path !== '/' && path !== '')
      if (read(`${ROOT}${path}/cgroup.freeze`).startsWith('1')) return true
  }
  return false
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, 'latin1')
  } catch {
    // The process or its group has gone meanwhile.
    return ''
  }
}
