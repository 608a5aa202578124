// From a command to a mount that only has to be made: options, plan, checks. Nothing is mounted
// and nothing on disk is changed here.
import { checkLayers } from './check-layers.js'
import { circumstances, type Circumstances } from './circumstances.js'
import { remount } from './fuse-mount.js'
import type { Form, MountPlan } from './mount-plan.js'
import type { MountRequest } from './mount-request.js'
import { parseOptions } from './parse-options.js'
import { planDevice } from './plan-device.js'
import { refuseForFuseNative } from './plan-fuse-native.js'
import { kernelOnly, planOverlay } from './plan-overlay.js'

/** A mount command, its arguments told apart but its options still text. All names are bytes. */
export interface MountCommand {
  readonly form: Form
  readonly program: Circumstances['program']
  /** The value of each `-o`, in order. */
  readonly options: readonly string[]
  readonly source: string | null
  readonly mountPoint: string
  readonly foreground: boolean
  readonly debug: boolean
  /** mount(8)'s -s: go on without options that nobody knows. */
  readonly sloppy: boolean
}

/**
 * The mount to make, or null when there is nothing to serve (`remount` is done). Throws a
 * MountError, one line that says what is wrong and what to do.
 * @param note takes lines for stderr, which come before any error.
 * @param cwd what relative paths are relative to; the process's own directory unless told.
 */
export async function openMount(
  command: MountCommand,
  env: Readonly<Record<string, string | undefined>>,
  note: (line: string) => void,
  cwd?: string,
): Promise<MountPlan | null> {
  const given = circumstances(command.form, command.program, env, cwd)
  const isDropIn = command.form === 'drop-in'
  const request = parseOptions(
    command.options,
    isDropIn || command.sloppy ? 'collect' : 'refuse',
  )
  if (isDropIn) ignoredOptions(request).forEach(note)
  if (request.remount) {
    remount(request, absolute(command.mountPoint, given.cwd))
    return null
  }
  return checkLayers(planMount(command, request, given))
}

/** The plan of a request. Pure; throws a MountError for what cannot be had together. */
export function planMount(
  command: MountCommand,
  request: MountRequest,
  given: Circumstances,
): MountPlan {
  if (request.transport === 'fuse-native') refuseForFuseNative(request)
  const overlay = planOverlay(request, given)
  const debug = command.debug || request.debug
  return {
    form: command.form,
    transport: request.transport,
    overlay,
    device: planDevice(request, given, command.source, overlay.readOnly),
    mountPoint: absolute(command.mountPoint, given.cwd),
    foreground: command.foreground || debug,
    debug,
    protocolMinor: request.protocolMinor,
    maxWrite: request.maxWrite,
    locks: [],
    share: 1,
    tree: null,
    treeBytes: null,
  }
}

/** As fuse-overlayfs words it, for what it does not know and what its format has no place for. */
function ignoredOptions(request: MountRequest): string[] {
  const isPlain = request.format !== 'kernel' && !request.userxattr
  return [...request.unknown, ...(isPlain ? kernelOnly(request) : [])].map(
    option => `unknown argument ignored: ${option}`,
  )
}

function absolute(path: string, cwd: string): string {
  return path.startsWith('/') ? path : `${cwd === '/' ? '' : cwd}/${path}`
}
