// Named volumes: folders of the store that containers mount, and that outlive them. A volume is
// filled from the image, with what is at its place there, when the first container starts with it.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { asObject, asString, parseJson } from '../image/model/json-shape.js'
import { removeTree } from '../image/store/remove-tree.js'
import { readIfThere, replaceFile } from '../image/store/replace-file.js'
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
import { namesIn } from './record.js'

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

  /** Makes a volume, unless it is there. Throws a ContainerError for a bad name. */
  ensure(name: string, anonymous: boolean): void {
    if (!NAME.test(name))
      throw new ContainerError(
        `'${name}' is no name for a volume: letters, digits, '_', '.' and '-'; a folder begins with /`,
      )
    if (this.open(name) !== null) return
    fs.mkdirSync(nodePath(this.data(name)), { recursive: true, mode: 0o755 })
    this.write({ name, created: new Date().toISOString(), anonymous, filled: false })
  }

  /**
   * Copies what a root has at a path, once for each volume: contents, and the directory's own owner
   * and mode.
   * @param root descriptor of the root directory; links are followed inside of it.
   */
  fill(name: string, root: number, target: string): void {
    const volume = this.open(name)
    if (volume === null) throw new ContainerError(`there is no volume ${name}`)
    if (volume.filled) return
    const how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
    const from = openat2(root, target, O_RDONLY | O_DIRECTORY, 0, how)
    if (from >= 0) this.copy(name, from)
    else if (from !== -E.ENOENT && from !== -E.ENOTDIR)
      throw new FsError(from, 'open', target)
    this.write({ ...volume, filled: true })
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

  /** Containers that have it. */
  usersOf(name: string): string[] {
    return this.containers
      .list()
      .filter(({ record }) =>
        record.mounts.some(mount => mount.type === 'volume' && mount.name === name),
      )
      .map(({ record }) => record.name)
  }

  /** Throws a ContainerError for one that is not there, or in use. */
  remove(name: string): void {
    if (!NAME.test(name) || this.open(name) === null)
      throw new ContainerError(`No such volume: ${name}`)
    const users = this.usersOf(name)
    if (users.length > 0)
      throw new ContainerError(`the volume ${name} is in use by ${users.join(', ')}`)
    // The record first: without it there is no volume.
    fs.rmSync(nodePath(`${this.folder}/${name}/volume.json`))
    removeTree(`${this.folder}/${name}`)
  }

  removeUnused(name: string): void {
    if (this.open(name) !== null && this.usersOf(name).length === 0) this.remove(name)
  }

  private write(volume: Volume): void {
    replaceFile(
      `${this.folder}/${volume.name}/volume.json`,
      `${JSON.stringify(volume)}\n`,
    )
  }
}

/** A name for a volume that was not given one. */
export function freshVolumeName(): string {
  return randomBytes(32).toString('hex')
}
