// A filesystem that a command mounts: fuse-overlayfs, plyfs, the floor, and any other server by a shell
// command of the user's.
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { MARK } from '../../processes/marked.js'
import type { Mode } from '../options.js'
import type { Driver, Layers } from './driver.js'

const MOUNT_LIMIT_MS = 60_000

/** Debian's fuse-overlayfs. */
export function fuseOverlayfs(): Driver {
  return {
    name: 'fuse-overlayfs',
    added: false,
    describe: () => versionOf('fuse-overlayfs', /fuse-overlayfs: version (\S+)/),
    mount: (layers, mode, _changed, mark) =>
      mountWith(['fuse-overlayfs'], layers, mode, mark),
    unmount,
  }
}

/** The C server that has every answer ready, see floor/floor.c; `program` is it, compiled. */
export function floor(program: string): Driver {
  return {
    name: 'floor',
    added: false,
    describe: () => 'a C server with every answer in memory, polling for 60 µs',
    mount: (layers, mode, _changed, mark) => {
      const upper = mode === 'ro' ? '' : layers.upper
      const words = [program, layers.lowers.join(':'), upper, layers.mountPoint]
      return start(words, layers, mark)
    },
    unmount,
  }
}

/** plyfs as it was built in this tree. */
export function plyfs(): Driver {
  const program = plyfsProgram()
  return {
    name: 'plyfs',
    added: false,
    describe: () => (fs.existsSync(program) ? versionOf(program, /(\d+\.\S+)/) : null),
    mount: (layers, mode, _changed, mark) => {
      if (layers.image === undefined)
        return mountWith([program, 'mount'], layers, mode, mark)
      const { root, name } = layers.image
      const words = [program, 'mount', '--verify=none', '--root', root, name]
      return start([...words, layers.mountPoint], layers, mark)
    },
    unmount,
  }
}

/** The same by the npm package fuse-native and libfuse 2, which both are optional. */
export function plyfsByFuseNative(): Driver {
  const program = plyfsProgram()
  return {
    name: 'plyfs-fuse-native',
    added: false,
    describe: () => {
      const loads = spawnSync(process.execPath, ['-e', "require('fuse-native')"])
      return loads.status === 0 ? 'plyfs by fuse-native, on libfuse 2' : null
    },
    mount: (layers, mode, _changed, mark) =>
      mountWith([program, 'mount', '--transport=fuse-native'], layers, mode, mark),
    unmount,
  }
}

export function plyfsProgram(): string {
  return `${process.cwd()}/native-helpers/build/Release/plyfs`
}

/** `command` with {lower} {upper} {work} {mnt} filled in; {upper} is empty without one. */
export function anyCommand(name: string, command: string): Driver {
  return {
    name,
    added: true,
    describe: () => command,
    mount(layers, mode, _changed, mark) {
      const writable = mode === 'rw'
      const filled = command
        .replaceAll('{lower}', layers.lowers.join(':'))
        .replaceAll('{upper}', writable ? layers.upper : '')
        .replaceAll('{work}', writable ? layers.work : '')
        .replaceAll('{mnt}', layers.mountPoint)
      return start(['sh', '-c', filled], layers, mark)
    },
    unmount,
  }
}

function mountWith(
  command: readonly string[],
  layers: Layers,
  mode: Mode,
  mark: string,
): string {
  const words = [...command, '-o', overlayOptions(layers, mode), layers.mountPoint]
  return start(words, layers, mark)
}

/** The options that all overlays share. */
export function overlayOptions(layers: Layers, mode: Mode): string {
  const lower = `lowerdir=${layers.lowers.join(':')}`
  if (mode === 'ro') return lower
  return `${lower},upperdir=${layers.upper},workdir=${layers.work}`
}

/** Runs a mount command, which returns when the mount serves. */
export function start(
  command: readonly string[],
  { mountPoint, from = '.' }: Layers,
  mark: string,
  environment: Readonly<Record<string, string>> = {},
): string {
  const [program = '', ...args] = command
  const { status, stderr, error } = spawnSync(program, args, {
    cwd: from,
    // No daemon of the machine's takes part.
    env: { ...process.env, PLYFS_HOST: 'none', [MARK]: mark, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: MOUNT_LIMIT_MS,
  })
  if (status === 0) return mountPoint
  throw new Error(`${command.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

export function unmount(path: string): void {
  execFileSync('umount', [path], { timeout: MOUNT_LIMIT_MS })
}

function versionOf(program: string, pattern: RegExp): string | null {
  const { status, stdout, stderr } = spawnSync(program, ['--version'], {
    encoding: 'utf8',
  })
  if (status !== 0) return null
  const version = pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'of unknown version'
  return `${program.split('/').at(-1) ?? program} ${version}`
}
