// The containers of a store: where each has its files, and how one is found. A container's folder
// appears whole, by a rename, and goes by a rename: `.new-ID` before that, its lock held by who makes
// it, and `.gone-ID` after that, locked itself by who takes it away.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { nodePath } from '../image/store/store-place.js'
import { removeTree } from '../image/store/remove-tree.js'
import {
  placeFileAside,
  replaceFile,
  syncFolderAside,
} from '../image/store/replace-file.js'
import type { Store } from '../image/store/store.js'
import {
  type StoreLock,
  takeLock,
  tryLock,
  tryLockFolder,
} from '../image/store/store-lock.js'
import { ContainerError } from './container-error.js'
import { type ContainerRecord, formatRecord, namesIn, readRecord } from './record.js'

const NEW = '.new-'
const GONE = '.gone-'
const ID = /^[0-9a-f]{64}$/
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/**
 * A container's folder:
 *
 *     container.json                what it is (record.ts)
 *     start.json                    when it was started last
 *     exit.json                     how that ended; written by the monitor
 *     lock                          held by whoever starts it, and by its monitor
 *     change.lock                   held by whoever settles or removes it, for a short while
 *     frozen                        it is frozen for a while by who has its lock (freeze.ts)
 *     pid, log, monitor.sock        the monitor's
 *     config.json, runtime/, runtime.log   the OCI runtime's
 *     rw/                           the writable layer (writable-layer.ts)
 *     init                          what the runtime needs in the root (init-layer.ts)
 *     bootfs, rootfs                where those are mounted, in the monitor's namespace
 */
export class Container {
  readonly folder: string
  readonly record: ContainerRecord

  constructor(folder: string, record: ContainerRecord) {
    this.folder = folder
    this.record = record
  }

  get id(): string {
    return this.record.id
  }

  /** The path of one of its files. */
  file(name: string): string {
    return `${this.folder}/${name}`
  }
}

/** A container that was made just now. */
export interface AddedContainer {
  readonly container: Container
  readonly lock: StoreLock
  /** Fulfilled when it is on the disk as a whole. Rejected with Node's error. */
  readonly durable: Promise<void>
}

export class Containers {
  readonly store: Store
  private readonly folder: string

  constructor(store: Store) {
    this.store = store
    this.folder = `${store.place.root}/containers`
  }

  /** All of them, the newest first. */
  list(): Container[] {
    return namesIn(nodePath(this.folder))
      .filter(name => ID.test(name))
      .flatMap(id => this.open(id) ?? [])
      .toSorted((one, two) => (one.record.created < two.record.created ? 1 : -1))
  }

  /** null where it is gone. */
  open(id: string): Container | null {
    const folder = `${this.folder}/${id}`
    const record = readRecord(`${folder}/container.json`)
    return record === null ? null : new Container(folder, record)
  }

  /** By name, ID, or the beginning of one ID. Throws a ContainerError. */
  find(text: string): Container {
    if (ID.test(text)) {
      const found = this.open(text)
      if (found !== null) return found
    }
    const all = this.list()
    const named = all.find(({ record }) => record.name === text.replace(/^\//, ''))
    if (named !== undefined) return named
    const begun = /^[0-9a-f]+$/.test(text)
      ? all.filter(one => one.id.startsWith(text))
      : []
    const [only, ...more] = begun
    if (only === undefined) throw new ContainerError(`No such container: ${text}`)
    if (more.length > 0)
      throw new ContainerError(
        `${text} is the beginning of several IDs; write more of it`,
      )
    return only
  }

  /**
   * Adds a container, all at once.
   * @param fill makes its files in a folder that is not seen yet, and brings them to the disk, but for
   * the names in the folder itself. The container's record is there once `recorded` is fulfilled.
   * @returns it with its lock; `durable` is fulfilled when a crash does not take it away.
   * @throws ContainerError where the name is taken, and what `fill` throws; nothing stays then.
   */
  async add(
    record: ContainerRecord,
    fill: (container: Container, recorded: Promise<void>) => Promise<void>,
  ): Promise<AddedContainer> {
    fs.mkdirSync(nodePath(this.folder), { recursive: true, mode: 0o700 })
    const { hidden, lock } = await this.begin(record)
    try {
      const file = hidden.file('container.json')
      const recorded = placeFileAside(file, formatRecord(record))
      await allOf([recorded, fill(hidden, recorded)])
      return { ...(await this.publish(hidden)), lock }
    } catch (error) {
      this.discard(hidden.folder, record.id)
      lock.release()
      throw error
    }
  }

  /** A folder that is not seen yet; nobody takes it for one whose maker was killed. */
  private async begin(
    record: ContainerRecord,
  ): Promise<{ hidden: Container; lock: StoreLock }> {
    const hidden = new Container(`${this.folder}/${NEW}${record.id}`, record)
    const names = await this.lockNames()
    try {
      fs.mkdirSync(nodePath(hidden.folder), { mode: 0o700 })
      const lock = tryLock(hidden.file('lock'), 'exclusive')
      if (lock === null) throw new Error(`the new container ${record.id} is locked`)
      return { hidden, lock }
    } finally {
      names.release()
    }
  }

  private async publish(hidden: Container): Promise<Omit<AddedContainer, 'lock'>> {
    const { record } = hidden
    await syncFolderAside(hidden.folder)
    const lock = await this.lockNames()
    try {
      this.refuseTaken(record.name)
      const folder = `${this.folder}/${record.id}`
      fs.renameSync(nodePath(hidden.folder), nodePath(folder))
      const durable = syncFolderAside(this.folder)
      // Who waits for it may have failed before.
      durable.catch(() => undefined)
      return { container: new Container(folder, record), durable }
    } finally {
      lock.release()
    }
  }

  /** Records of containers that are being made. */
  unfinished(): ContainerRecord[] {
    return namesIn(nodePath(this.folder))
      .filter(name => name.startsWith(NEW))
      .flatMap(name => readRecord(`${this.folder}/${name}/container.json`) ?? [])
  }

  /** Gives a container another name. Throws a ContainerError where it is taken. */
  async rename(container: Container, name: string): Promise<void> {
    mustBeName(name)
    const lock = await this.lockNames()
    try {
      this.refuseTaken(name)
      const record = { ...container.record, name }
      replaceFile(container.file('container.json'), formatRecord(record))
    } finally {
      lock.release()
    }
  }

  /** Takes a container away; nobody uses it. */
  remove(container: Container): void {
    this.discard(container.folder, container.id)
  }

  private discard(folder: string, id: string): void {
    const lock = tryLockFolder(folder)
    if (lock === null) return
    try {
      const gone = `${this.folder}/${GONE}${id}`
      fs.renameSync(nodePath(folder), nodePath(gone))
      this.store.uses.forget(useKey(id))
      removeTree(gone)
    } finally {
      lock.release()
    }
  }

  /**
   * Removes what commands that were killed have left.
   * @returns the records of containers that had not been made whole.
   */
  async sweep(): Promise<ContainerRecord[]> {
    const left = namesIn(nodePath(this.folder))
    for (const name of left.filter(one => one.startsWith(GONE))) this.sweepGone(name)
    const made = await this.sweepMade(left.filter(one => one.startsWith(NEW)))
    for (const key of this.strayUses()) this.store.uses.forget(key)
    return made
  }

  private async sweepMade(names: readonly string[]): Promise<ContainerRecord[]> {
    if (names.length === 0) return []
    // A folder that has just been made gets its lock under this one.
    const lock = await this.lockNames()
    try {
      return names.flatMap(name => this.sweepNew(name))
    } finally {
      lock.release()
    }
  }

  private sweepGone(name: string): void {
    const path = `${this.folder}/${name}`
    const lock = tryLockFolder(path)
    if (lock === null) return
    this.store.uses.forget(useKey(name.slice(GONE.length)))
    removeTree(path)
    lock.release()
  }

  private sweepNew(name: string): ContainerRecord[] {
    const folder = `${this.folder}/${name}`
    if (!fs.existsSync(nodePath(folder))) return []
    const lock = tryLock(`${folder}/lock`, 'exclusive')
    if (lock === null) return []
    const record = readRecord(`${folder}/container.json`)
    this.discard(folder, name.slice(NEW.length))
    lock.release()
    return record === null ? [] : [record]
  }

  /** Keys of uses by containers that are neither there nor being made or removed. */
  private strayUses(): string[] {
    // A folder takes these names one after the other, so that none is missed on its way.
    const isThere = (id: string): boolean =>
      [`${NEW}${id}`, id, `${GONE}${id}`].some(name =>
        fs.existsSync(nodePath(`${this.folder}/${name}`)),
      )
    return this.store.uses.keptKeys().filter(key => {
      const id = /^container-([0-9a-f]{64})\b/.exec(key)?.[1]
      return id !== undefined && !isThere(id)
    })
  }

  private lockNames() {
    return takeLock(`${this.folder}/names.lock`, 'exclusive')
  }

  private refuseTaken(name: string): void {
    const other = this.list().find(({ record }) => record.name === name)
    if (other === undefined) return
    throw new ContainerError(
      `the name ${name} is taken by container ${other.id.slice(0, 12)}: remove or rename that`,
    )
  }
}

/** Waits until none of them goes on, then throws what the first was rejected with that was. */
export async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works))
    if (outcome.status === 'rejected') throw outcome.reason
}

/** Under which the store knows that a container uses its image. */
export function useKey(id: string): string {
  return `container-${id}`
}

export function freshId(): string {
  return randomBytes(32).toString('hex')
}

/** Throws a ContainerError. */
export function mustBeName(name: string): void {
  if (NAME.test(name)) return
  throw new ContainerError(
    `'${name}' is no name for a container: two characters or more of letters, digits, '_', '.', '-'`,
  )
}
