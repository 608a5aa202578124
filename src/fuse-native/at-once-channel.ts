// The channel of a transport that serves one request after the other on one thread: whatever is asked
// for is done before the call returns, so nothing is ever parked, and a long copy-up or a slow disk
// holds the whole mount up.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type {
  Channel,
  Completion,
  FilePart,
  SessionStatistics,
} from '../fuse/operations.js'
import type { Request } from '../fuse/request.js'
import { fdatasync, fsync, pread, pwrite } from '../sys/file.js'
import { copyData } from '../sys/pool.js'

const none = Buffer.alloc(0)

export class AtOnceChannel implements Channel {
  /** Backing files are registered at a device that is ours: there is none. */
  readonly device = -1
  /** Where the next READ puts its bytes, or the next WRITE has them. */
  data: Buffer = none
  /** Bytes that the last READ or WRITE moved. */
  moved = 0

  park(): Request {
    throw new FsError(E.EIO, 'park')
  }

  resume(): void {
    throw new FsError(E.EIO, 'resume')
  }

  fail(): void {
    throw new FsError(E.EIO, 'fail')
  }

  sendFile(
    _request: Request,
    fd: number,
    position: number,
    size: number,
    done: Completion,
  ): number {
    return this.move(pread(fd, this.data, 0, size, position), done)
  }

  receiveFile(
    _request: Request,
    fd: number,
    position: number,
    _at: number,
    size: number,
    done: Completion,
  ): number {
    return this.move(pwrite(fd, this.data, 0, size, position), done)
  }

  syncFile(_request: Request, fd: number, dataOnly: boolean, done: Completion): number {
    const result = dataOnly ? fdatasync(fd) : fsync(fd)
    done.complete(result)
    return Math.min(result, 0)
  }

  /** The package has no callback that leads to this one or the next. */
  allocateFile(): number {
    return -E.EOPNOTSUPP
  }

  copyRange(): number {
    return -E.EOPNOTSUPP
  }

  copyData(
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    done: Completion,
  ): void {
    done.complete(copyData(fdIn, fdOut, size, sync))
  }

  /** Parts and jobs of other threads are of archives, which are not mounted this way. */
  copyPart(_part: FilePart, _fdOut: number, _sync: number, done: Completion): void {
    done.complete(-E.EOPNOTSUPP)
  }

  handOver(): { readonly loop: number; readonly token: number } {
    throw new FsError(E.EOPNOTSUPP, 'handOver')
  }

  /** Attributes are not kept where they change, and data not beyond an open. */
  invalidateAttributes(): void {
    // libfuse's interface by paths has no notifications.
  }

  /** As above; it keeps no listings either. */
  invalidateContents(_nodeid: number, done: Completion): void {
    done.complete(0)
  }

  /** No ioctl gets here that would ask for them. */
  statistics(): SessionStatistics {
    return { protocol: 'fuse-native', requests: {}, errors: {} }
  }

  private move(result: number, done: Completion): number {
    done.complete(result)
    this.moved = result
    return Math.min(result, 0)
  }
}
