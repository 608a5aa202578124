// What the options asked for, before any default is set: null is "not said". Plain data; which
// values go together is decided in plan-overlay.ts and plan-device.ts.
import type { OverlayOptions } from '../overlay/options.js'
import type { Transport } from './mount-plan.js'

/** One mention of a lower layer, undecoded: the meaning of colons depends on the format. */
export interface LowerText {
  readonly option: 'lowerdir' | 'lowerdir+' | 'datadir+'
  readonly text: string
}

/** Filled option by option while parsing; read-only for everybody else. */
export interface MountRequest {
  lowerTexts: LowerText[]
  /** Undecoded, as lowerTexts. */
  upperText: string | null
  workText: string | null
  /** `format=`: a spelling of our own for what the form of the call decides otherwise. */
  format: 'kernel' | 'fuse-overlayfs' | 'aufs' | null
  userxattr: boolean
  redirectDir: 'on' | 'follow' | 'nofollow' | 'off' | null
  index: boolean | null
  metacopy: boolean | null
  xino: OverlayOptions['xino'] | null
  uuid: OverlayOptions['uuid'] | null
  nfsExport: boolean | null
  verity: 'off' | 'on' | 'require' | null
  /** `0` and `1` are fuse-overlayfs's fsync=0 and fsync=1. */
  fsync: 'auto' | 'strict' | 'volatile' | '0' | '1' | null
  staticNlink: boolean | null
  timeout: number | null
  noXattrs: boolean
  noAcl: boolean
  xattrPermissions: 0 | 1 | 2
  ino32: boolean
  uidMapping: string | null
  gidMapping: string | null
  squashToRoot: boolean
  squashToUid: number | null
  squashToGid: number | null
  passthrough: boolean | null
  passesPrograms: boolean
  /** The kernel opens files without asking, on mounts that never change. */
  noOpen: boolean | null
  maxStackDepth: 1 | 2 | null
  protocolMinor: number | null
  /** Who speaks with the kernel; `device` is our own way. */
  transport: Transport
  maxRead: number | null
  maxWrite: number | null
  allowOther: boolean | null
  source: string | null
  subtype: string | null
  /** MS_* bits asked for, and the ones asked away (`suid` after `nosuid`); later ones win. */
  flagsOn: number
  flagsOff: number
  propagation: number
  remount: boolean
  /** SELinux: `context=...` and its like, quotes removed. */
  securityContext: string[]
  debug: boolean
  /** Options nobody knows, as written, in the forms that go on without them. */
  unknown: string[]
}

/** A request that asks for nothing. */
export function emptyRequest(): MountRequest {
  return {
    lowerTexts: [],
    upperText: null,
    workText: null,
    format: null,
    userxattr: false,
    redirectDir: null,
    index: null,
    metacopy: null,
    xino: null,
    uuid: null,
    nfsExport: null,
    verity: null,
    fsync: null,
    staticNlink: null,
    timeout: null,
    noXattrs: false,
    noAcl: false,
    xattrPermissions: 0,
    ino32: false,
    uidMapping: null,
    gidMapping: null,
    squashToRoot: false,
    squashToUid: null,
    squashToGid: null,
    passthrough: null,
    passesPrograms: false,
    noOpen: null,
    maxStackDepth: null,
    protocolMinor: null,
    transport: 'device',
    maxRead: null,
    maxWrite: null,
    allowOther: null,
    source: null,
    subtype: null,
    flagsOn: 0,
    flagsOff: 0,
    propagation: 0,
    remount: false,
    securityContext: [],
    debug: false,
    unknown: [],
  }
}
