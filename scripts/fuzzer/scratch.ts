// Scratch disks: two loop-mounted images with the same bytes, so that both sides start from the
// same inode numbers, handles and times. They lie on a tmpfs of our own, and everything goes with
// the mount namespace that scripts/fuzz has made.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export const FILESYSTEMS = ['ext4', 'xfs'] as const
export type Filesystem = (typeof FILESYSTEMS)[number]

/** Always the same: names are listed by a hash with it, and handles hold it. */
const UUID = '5eed5eed-5eed-4eed-8eed-5eed5eed5eed'

const MAKE: Readonly<Record<Filesystem, { size: string; command: readonly string[] }>> = {
  ext4: {
    size: '96M',
    command: [
      ...['mkfs.ext4', '-q', '-F', '-I', '256'],
      ...['-U', UUID, '-E', `hash_seed=${UUID}`],
    ],
  },
  xfs: { size: '320M', command: ['mkfs.xfs', '-q', '-f', '-m', `uuid=${UUID}`] },
}
/** Two mounts of the same UUID; discard keeps the images small. */
const MOUNT_OPTIONS: Readonly<Record<Filesystem, string>> = {
  ext4: 'loop,user_xattr,acl',
  xfs: 'loop,nouuid',
}

const MOUNT_POINTS = ['side.a', 'side.b', 'side.build'] as const
const DEEP = 'level1/level2/level3/level4/level5/level6/level7'

export class Scratch {
  readonly root: string
  #images = 0

  constructor(root: string) {
    this.root = root
    mkdirSync(root, { recursive: true })
    run('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=4G', 'fuzz', root])
    this.#makeMountPoints()
  }

  /**
   * Where unions are mounted: deep in a tree that is read-only and holds no name that operations
   * use, since symlinks that are moved lead out of the mount, up to the five `..` of a target.
   */
  #makeMountPoints(): void {
    const outside = this.directory('outside')
    run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'fuzz-mounts', outside])
    for (const name of MOUNT_POINTS) this.directory(`outside/${DEEP}/${name}`)
    run('mount', ['-o', 'remount,ro', outside])
  }

  mountPoint(name: (typeof MOUNT_POINTS)[number]): string {
    return join(this.root, 'outside', DEEP, name)
  }

  /** Removes everything; mounts that are still there are detached. */
  close(): void {
    run('umount', ['-R', '-l', this.root])
    rmSync(this.root, { recursive: true, force: true })
  }

  directory(name: string): string {
    const path = join(this.root, name)
    mkdirSync(path, { recursive: true })
    return path
  }

  /** A fresh, empty image of that filesystem. */
  emptyImage(type: Filesystem): string {
    const template = join(this.root, `empty.${type}`)
    if (!existsSync(template)) {
      const { size, command } = MAKE[type]
      run('truncate', ['-s', size, template])
      const [program, ...args] = command
      run(program ?? '', [...args, template])
    }
    return this.copyImage(template)
  }

  copyImage(image: string): string {
    this.#images++
    const copy = join(this.root, `image.${this.#images}`)
    run('cp', ['--sparse=auto', image, copy])
    return copy
  }

  removeImage(image: string): void {
    rmSync(image, { force: true })
  }

  mountImage(image: string, type: Filesystem, at: string): void {
    run('mount', ['-t', type, '-o', MOUNT_OPTIONS[type], image, at])
  }

  unmount(at: string): void {
    run('umount', [at])
  }
}

/** Runs a program to its end; throws with its messages when it fails. */
export function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
