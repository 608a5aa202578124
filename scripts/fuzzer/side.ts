// One side of a comparison: its disk, the union mounted over it, and the workers in it.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Conductor } from './conductor.js'
import { abortConnection, type Implementation } from './implementations.js'
import { encode, IDENTITIES, USERS, type Step, type User } from './operation.js'
import { run, type Filesystem, type Scratch } from './scratch.js'
import { parseTree, type TreeEntry } from './trees.js'

export class Side {
  /** The image, mounted. */
  readonly disk: string
  /** Where the union is mounted. */
  readonly merged: string
  readonly requests = new Map<string, number>()
  #mounted = false

  readonly name: 'a' | 'b'
  readonly #conductor: Conductor
  readonly #image: string
  readonly #layerCount: number
  implementation: Implementation

  constructor(
    name: 'a' | 'b',
    scratch: Scratch,
    conductor: Conductor,
    image: string,
    fs: Filesystem,
    layerCount: number,
    implementation: Implementation,
  ) {
    this.name = name
    this.#conductor = conductor
    this.#image = image
    this.#layerCount = layerCount
    this.implementation = implementation
    this.disk = scratch.directory(`disk.${name}`)
    this.merged = scratch.mountPoint(`side.${name}`)
    scratch.mountImage(image, fs, this.disk)
    for (const directory of ['upper', 'work']) {
      mkdirSync(join(this.disk, directory), { recursive: true })
    }
  }

  worker(user: User | 'observer'): string {
    return `${this.name}.${user}`
  }

  start(): void {
    for (const user of USERS) this.#conductor.start(this.worker(user), IDENTITIES[user])
    this.#conductor.start(this.worker('observer'), IDENTITIES.u0)
  }

  mount(): void {
    const lowers = Array.from({ length: this.#layerCount }, (_, i) =>
      join(this.disk, `l${this.#layerCount - 1 - i}`),
    )
    const [upper, work] = [join(this.disk, 'upper'), join(this.disk, 'work')]
    this.implementation.mount({ lowers, upper, work }, this.merged)
    this.#mounted = true
    for (const user of [...USERS, 'observer'] as const) {
      this.ask(user, `root ${this.merged}`)
    }
  }

  /** Leaves and unmounts the union; what its server has counted is kept if asked for. */
  unmount(counting: boolean): void {
    for (const user of [...USERS, 'observer'] as const) this.ask(user, 'leave')
    if (counting) this.#count()
    run('umount', [this.merged])
    this.#mounted = false
  }

  #count(): void {
    for (const [opcode, count] of Object.entries(
      this.implementation.requests(this.merged),
    )) {
      this.requests.set(opcode, (this.requests.get(opcode) ?? 0) + count)
    }
  }

  ask(user: User | 'observer', line: string): string {
    const [answer = 'dead'] = this.#conductor.ask([this.worker(user)], line)
    return answer
  }

  perform(step: Step): string {
    const [who] = step
    if (who === '*') throw new Error('not an operation')
    return this.ask(who, encode(step))
  }

  /** The merged tree as root sees it. */
  tree(): TreeEntry[] {
    return parseTree(this.ask('observer', 'tree .'))
  }

  /** The upper as it lies on the disk, and the index beside it. Only while nothing is mounted. */
  upperTree(): TreeEntry[] {
    const entries: TreeEntry[] = []
    for (const part of ['upper', 'work/index']) {
      if (this.ask('observer', `root ${join(this.disk, part)}`) !== '0') continue
      for (const entry of parseTree(this.ask('observer', 'tree .'))) {
        // Not compared: 'the work directory'. Temporary names are left to the next mount.
        if (part === 'work/index' && entry.path.startsWith('#')) continue
        entries.push({ ...entry, path: `${part}/${entry.path}` })
      }
    }
    this.ask('observer', 'leave')
    return entries
  }

  /** Takes everything down, whatever state it is in. */
  discard(): void {
    for (const user of [...USERS, 'observer'] as const)
      this.#conductor.end(this.worker(user))
    if (this.#mounted) {
      abortConnection(this.merged)
      run('umount', ['-l', this.merged])
    }
    run('umount', ['-l', this.disk])
    rmSync(this.#image, { force: true })
  }
}
