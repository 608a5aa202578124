// What the POSIX suite runs on: each target prepares layers on filesystems of the suite's own and
// mounts them. No expectation differs here; what a target cannot do is in exclusions/.
import * as fs from 'node:fs'
import { freshDirectory, sharedFilesystem, type Kind } from '../helpers/images.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../helpers/mounted.js'
import { FIRST_ID, makeUserNamespace } from '../helpers/user-namespace.js'
import type { Below } from './place.js'
import type { Need, Origin } from './property.js'

/** A place where the cases run. */
export interface Site {
  /** The directory of the cases. */
  readonly dir: string
  readonly mounted?: Mounted
}

export interface Ground {
  readonly below: Below
  /** What a command is prefixed with to run where the mount is. */
  readonly enter?: readonly string[]
  /** The directory that must be empty of leftovers after the end; absent on plain filesystems. */
  readonly work?: string
  /** Mounts; also again on the same layers after a hang. */
  mount(): Promise<Site>
}

export interface Target {
  readonly name: string
  readonly origins: readonly Origin[]
  readonly offers: readonly Need[]
  /** Lists in exclusions/, without .json. */
  readonly exclusions: readonly string[]
  /** The ordinary user who mounts and runs the cases. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** `more` are further mount options. */
  prepare(more: readonly string[]): Promise<Ground>
}

const EVERYTHING: readonly Need[] = ['root', 'privileged']
const ALL: readonly Origin[] = ['new', 'lower', 'merged', 'copied']
const PLAIN: readonly Origin[] = ['new', 'lower']

/** A bare filesystem: proves the cases. */
export function plain(kind: Kind): Target {
  return {
    name: kind,
    origins: PLAIN,
    offers: EVERYTHING,
    exclusions: [kind],
    prepare: async () => {
      const { root } = await sharedFilesystem(kind)
      const dir = freshDirectory(root, 'posix')
      return { below: { bottom: dir }, mount: () => Promise.resolve({ dir }) }
    },
  }
}

interface Stack {
  /** The filesystem of the upper, and of the lowers; the same one when the kinds are the same. */
  readonly upper: Kind
  readonly lower: Kind
  /** Who owns the layers and mounts. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Mounted by the root of a user namespace of its own, who runs the cases too. */
  readonly userNamespace?: boolean
}

interface StackedLayers {
  readonly below: Required<Below>
  readonly work: string
}

async function layers(stack: Stack): Promise<StackedLayers> {
  const upperRoot = (await sharedFilesystem(stack.upper)).root
  const lowerRoot = (await sharedFilesystem(stack.lower)).root
  const made = {
    bottom: freshDirectory(lowerRoot, 'bottom'),
    top: freshDirectory(lowerRoot, 'top'),
    upper: freshDirectory(upperRoot, 'upper'),
  }
  const work = freshDirectory(upperRoot, 'work')
  const owner =
    stack.userNamespace === true ? { uid: FIRST_ID, gid: FIRST_ID } : stack.user
  if (owner !== undefined) {
    const { uid, gid } = owner
    for (const directory of [...Object.values(made), work]) {
      fs.chownSync(directory, uid, gid)
    }
  }
  return { below: made, work }
}

const COMPARED = ['redirect_dir=on', 'index=on', 'xino=on', 'metacopy=off']

/** Kernel overlayfs, with the options it is compared with. */
export function overlayfs(stack: Stack): Target {
  return {
    name: 'overlayfs',
    origins: ALL,
    offers: EVERYTHING,
    exclusions: [stack.upper, 'overlayfs'],
    prepare: async more => {
      const { below, work } = await layers(stack)
      const { bottom, top, upper } = below
      const mount = async (): Promise<Site> => {
        const options = [...COMPARED, ...more]
        const mounted = await mountOverlay(
          { lower: [top, bottom], upper, work },
          { options },
        )
        return { dir: mounted.point, mounted }
      }
      return { below, work, mount }
    },
  }
}

export interface PlyfsOptions extends Stack {
  readonly name: string
  /** More `-o` options. */
  readonly options: readonly string[]
  readonly offers?: readonly Need[]
  readonly exclusions?: readonly string[]
}

/** plyfs, in one of its modes. */
export function plyfs(how: PlyfsOptions): Target {
  const { user, options } = how
  return {
    name: how.name,
    origins: ALL,
    offers: how.offers ?? EVERYTHING,
    exclusions: [how.upper, 'fuse', 'plyfs', ...(how.exclusions ?? [])],
    ...(user === undefined ? {} : { user }),
    prepare: async more => {
      const { below, work } = await layers(how)
      const { bottom, top, upper } = below
      const inside = how.userNamespace === true ? await makeUserNamespace() : undefined
      const mount = async (): Promise<Site> => {
        const mounted = await mountPlyfs(
          { lower: [top, bottom], upper, work },
          {
            options: [...options, ...more],
            ...(user === undefined ? {} : { user }),
            ...(inside === undefined ? {} : { inside }),
          },
        )
        return { dir: mounted.point, mounted }
      }
      const enter = inside === undefined ? {} : { enter: inside.enter }
      return { below, work, mount, ...enter }
    },
  }
}
