// The kernel's own overlayfs, with its defaults; metacopy, which a module option may turn on, is
// off, as it is everywhere.
import * as fs from 'node:fs'
import * as os from 'node:os'
import { overlayOptions, start, unmount } from './command.js'
import type { Driver } from './driver.js'

export function kernel(): Driver {
  return {
    name: 'kernel',
    added: false,
    describe: () => (available() ? `overlayfs of Linux ${os.release()}` : null),
    mount: (layers, mode, _changed, mark) => {
      const options = `${overlayOptions(layers, mode)},metacopy=off`
      const words = ['mount', '-t', 'overlay', 'overlay', '-o', options]
      return start([...words, layers.mountPoint], layers, mark)
    },
    unmount,
  }
}

function available(): boolean {
  return /\boverlay$/m.test(fs.readFileSync('/proc/filesystems', 'utf8'))
}
