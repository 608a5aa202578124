// Loop devices: a file as a block device. A device made here is freed by the kernel when its last
// user has gone, whoever that is and however it ends.
import { E } from '../errno/errno.js'
import {
  AT_FDCWD,
  LO_FLAGS_AUTOCLEAR,
  LO_FLAGS_READ_ONLY,
  LOOP_CONFIGURE,
  LOOP_CTL_GET_FREE,
  O_RDONLY,
  O_RDWR,
} from './constants.js'
import { close, ioctlBuffer, ioctlNumber, openat2 } from './file.js'

/** struct loop_config: fd, block size, struct loop_info64, reserved words. */
const CONFIG_BYTES = 304
const FLAGS = 60
const FILE_NAME = 64
const FILE_NAME_BYTES = 63

export interface LoopDevice {
  /** `/dev/loopN` */
  readonly path: string
  /** Keeps the device until somebody else has it open. */
  readonly fd: number
}

/**
 * A device of the file that `file` has open, or -errno.
 * @param name of the file, for those who list devices.
 */
export function attachLoop(
  file: number,
  name: string,
  readOnly: boolean,
): LoopDevice | number {
  const control = openat2(AT_FDCWD, '/dev/loop-control', O_RDWR, 0, 0)
  if (control < 0) return control
  const config = configOf(file, name, readOnly)
  try {
    for (;;) {
      const number = ioctlNumber(control, LOOP_CTL_GET_FREE, 0)
      if (number < 0) return number
      const path = `/dev/loop${number}`
      const fd = openat2(AT_FDCWD, path, readOnly ? O_RDONLY : O_RDWR, 0, 0)
      if (fd < 0) return fd
      const result = ioctlBuffer(fd, LOOP_CONFIGURE, config)
      if (result >= 0) return { path, fd }
      close(fd)
      // Somebody else has taken it between the two calls.
      if (result !== -E.EBUSY) return result
    }
  } finally {
    close(control)
  }
}

function configOf(file: number, name: string, readOnly: boolean): Buffer {
  const config = Buffer.alloc(CONFIG_BYTES)
  const flags = LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0)
  config.writeUInt32LE(file, 0)
  config.writeUInt32LE(flags, FLAGS)
  config.write(name.slice(0, FILE_NAME_BYTES), FILE_NAME, 'latin1')
  return config
}
