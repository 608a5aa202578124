// Named volumes: folders of the store that containers mount, and that outlive them. A volume is
// filled from the image, with what is at its place there, when the first container starts with it.
// Volumes are made and removed under one lock, so that none goes between the moment when a container
// wants it and the one when it is seen to have it; each is filled under a lock of its own.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { asObject, asString, parseJson } from '../image/model/json-shape.js'
import { removeTree } from '../image/store/remove-tree.js'
import { readIfThere, replaceFile, syncFolder } from '../image/store/replace-file.js'
import { type StoreLock, takeLock, tryLockFolder } from '../image/store/store-lock.js'
import { nodePath } from '../image/store/store-place.js'
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { ContainerError } from './container-error.js'
import type { Containers } from './containers.js'
import { type ContainerRecord, namesIn } from './record.js'

export interface Volume {
  readonly name: string
  /** RFC 3339. */
  readonly created: string
  readonly anonymous: boolean
  /** What the image has at its place is in it. */
  readonly filled: boolean
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

export class Volumes {
  private readonly containers: Containers
  private readonly folder: string

  constructor(containers: Containers) {
    this.containers = containers
    this.folder = `${containers.store.place.root}/volumes`
  }

  list(): Volume[] {
    return namesIn(nodePath(this.folder))
      .filter(name => NAME.test(name))
      .flatMap(name => this.open(name) ?? [])
  }

  open(name: string): Volume | null {
    const path = `${this.folder}/${name}/volume.json`
    const bytes = readIfThere(path)
    if (bytes === null) return null
    const object = asObject(parseJson(bytes, path), path)
    return {
      name,
      created: asString(object['created'], `${path}: created`),
      anonymous: object['anonymous'] === true,
      filled: object['filled'] === true,
    }
  }

  /** Where its files are: a latin1 string of bytes. */
  data(name: string): string {
    return `${this.folder}/${name}/data`
  }

  /**
   * Makes a volume, unless it is there. The container that is to have it has a record already.
   * @throws ContainerError for a bad name.
   */
  async ensure(name: string, anonymous: boolean): Promise<void> {
    if (!NAME.test(name))
      throw new ContainerError(
        `'${name}' is no name for a volume: letters, digits, '_', '.' and '-'; a folder begins with /`,
      )
    fs.mkdirSync(nodePath(this.folder), { recursive: true, mode: 0o755 })
    const lock = await this.lock()
    try {
      if (this.open(name) !== null) return
      const hidden = `${this.folder}/.new-${name}`
      removeTree(hidden)
      fs.mkdirSync(nodePath(`${hidden}/data`), { recursive: true, mode: 0o755 })
      const volume = { name, created: new Date().toISOString(), anonymous, filled: false }
      write(hidden, volume)
      // What an older program has left there without a record is no volume.
      removeTree(`${this.folder}/${name}`)
      fs.renameSync(nodePath(hidden), nodePath(`${this.folder}/${name}`))
      syncFolder(this.folder)
    } finally {
      lock.release()
    }
  }

  private lock(): Promise<StoreLock> {
    return takeLock(`${this.folder}/.lock`, 'exclusive')
  }

  /**
   * Copies what a root has at a path, once for each volume: contents, and the directory's own owner
   * and mode. Who comes second waits until it is whole.
   * @param root descriptor of the root directory; links are followed inside of it.
   */
  async fill(name: string, root: number, target: string): Promise<void> {
    const folder = `${this.folder}/${name}`
    if (this.mustHave(name).filled) return
    const lock = await takeLock(`${folder}/lock`, 'exclusive')
    try {
      const volume = this.mustHave(name)
      if (volume.filled) return
      const how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
      const from = openat2(root, target, O_RDONLY | O_DIRECTORY, 0, how)
      if (from >= 0) this.copy(name, from)
      else if (from !== -E.ENOENT && from !== -E.ENOTDIR)
        throw new FsError(from, 'open', target)
      write(folder, { ...volume, filled: true })
    } finally {
      lock.release()
    }
  }

  private mustHave(name: string): Volume {
    const volume = this.open(name)
    if (volume === null) throw new ContainerError(`there is no volume ${name}`)
    return volume
  }

  private copy(name: string, from: number): void {
    const data = this.data(name)
    const to = openat2(AT_FDCWD, data, O_RDONLY | O_DIRECTORY, 0, 0)
    if (to < 0) throw new FsError(to, 'open', data)
    try {
      // coreutils' cp keeps links, owners, attributes and holes; 3 and 4 are the two directories.
      const words = ['-a', '/proc/self/fd/3/.', '/proc/self/fd/4/']
      const copied = spawnSync('cp', words, {
        stdio: ['ignore', 'ignore', 'pipe', from, to],
      })
      if (copied.status !== 0)
        throw new ContainerError(
          `cannot fill the volume ${name}: ${copied.stderr.toString('latin1').trim()}`,
        )
    } finally {
      close(from)
      close(to)
    }
  }

  /** Containers that have it, also those that are being made. */
  usersOf(name: string): string[] {
    const records = this.containers.list().map(({ record }) => record)
    return [...records, ...this.containers.unfinished()]
      .filter(({ mounts }) =>
        mounts.some(mount => mount.type === 'volume' && mount.name === name),
      )
      .map(record => record.name)
  }

  /** Throws a ContainerError for one that is not there, or in use. */
  async remove(name: string): Promise<void> {
    if (!NAME.test(name) || this.open(name) === null)
      throw new ContainerError(`No such volume: ${name}`)
    const users = await this.discard(name)
    if (users.length > 0)
      throw new ContainerError(`the volume ${name} is in use by ${users.join(', ')}`)
  }

  /** Does nothing to one that is not there, or in use. */
  async removeUnused(name: string): Promise<void> {
    if (this.open(name) !== null) await this.discard(name)
  }

  /** Those who have it; it stays then. */
  private async discard(name: string): Promise<string[]> {
    const gone = `${this.folder}/.gone-${randomBytes(6).toString('hex')}-${name}`
    const lock = await this.lock()
    let ours: StoreLock | null
    try {
      const users = this.usersOf(name)
      if (users.length > 0) return users
      ours = tryLockFolder(`${this.folder}/${name}`)
      if (ours !== null) fs.renameSync(nodePath(`${this.folder}/${name}`), nodePath(gone))
    } finally {
      lock.release()
    }
    if (ours !== null) removeTree(gone)
    ours?.release()
    return []
  }

  /** Removes what commands that were killed have left. */
  async sweep(): Promise<void> {
    const left = namesIn(nodePath(this.folder)).filter(name =>
      /^\.(new|gone)-/.test(name),
    )
    if (left.length === 0) return
    // Whoever makes one has the lock; whoever takes one away has that of the folder.
    const lock = await this.lock()
    try {
      for (const name of left.filter(one => one.startsWith('.new-')))
        removeTree(`${this.folder}/${name}`)
    } finally {
      lock.release()
    }
    for (const name of left.filter(one => one.startsWith('.gone-'))) {
      const ours = tryLockFolder(`${this.folder}/${name}`)
      if (ours !== null) removeTree(`${this.folder}/${name}`)
      ours?.release()
    }
  }
}

function write(folder: string, volume: Volume): void {
  replaceFile(`${folder}/volume.json`, `${JSON.stringify(volume)}\n`)
}

/** Removes the volumes that a container was given and nobody has named, unless others have them. */
export async function removeOwnVolumes(
  containers: Containers,
  { mounts }: Pick<ContainerRecord, 'mounts'>,
): Promise<void> {
  const volumes = new Volumes(containers)
  for (const mount of mounts)
    if (mount.type === 'volume' && mount.anonymous) await volumes.removeUnused(mount.name)
}

/** A name for a volume that was not given one. */
export function freshVolumeName(): string {
  return randomBytes(32).toString('hex')
}
