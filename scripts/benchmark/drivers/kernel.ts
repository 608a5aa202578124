// The kernel's own overlayfs, with its defaults.
import * as fs from 'node:fs'
import * as os from 'node:os'
import { overlayOptions, start, unmount } from './command.js'
import type { Driver } from './driver.js'

export function kernel(): Driver {
  return {
    name: 'kernel',
    describe: () => (available() ? `overlayfs of Linux ${os.release()}` : null),
    mount: (layers, mode, _changed, mark) => {
      const options = overlayOptions(layers, mode)
      const { mountPoint } = layers
      return start(
        ['mount', '-t', 'overlay', 'overlay', '-o', options, mountPoint],
        mountPoint,
        mark,
      )
    },
    unmount,
  }
}

function available(): boolean {
  return /\boverlay$/m.test(fs.readFileSync('/proc/filesystems', 'utf8'))
}
