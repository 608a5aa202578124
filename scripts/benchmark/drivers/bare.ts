// The bare directory: the layer itself, with nothing between. What a workload changes
// is copied first, as the layers are used again.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Driver } from './driver.js'

export function bare(): Driver {
  return {
    name: 'bare',
    added: false,
    describe: () => 'the layer itself, on a loop device',
    mount({ merged, upper }, mode, changed) {
      if (mode === 'ro') return merged
      // What is read is the layer itself, bound read-only; what is changed is a copy.
      for (const part of fs.readdirSync(merged)) {
        const [from, to] = [path.join(merged, part), path.join(upper, part)]
        if (changed.includes(part)) {
          execFileSync('cp', ['-a', from, upper])
        } else {
          fs.mkdirSync(to)
          execFileSync('mount', ['-o', 'bind,ro', from, to])
        }
      }
      return upper
    },
    unmount(root) {
      for (const part of fs.readdirSync(root)) {
        const at = path.join(root, part)
        if (isMountPoint(at)) execFileSync('umount', [at])
      }
    },
  }
}

function isMountPoint(at: string): boolean {
  const table = fs.readFileSync('/proc/self/mountinfo', 'latin1')
  return table.split('\n').some(line => line.split(' ')[4] === at)
}
