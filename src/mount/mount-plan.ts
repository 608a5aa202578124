// What one mount will be, complete: the result of the options, the way the command was called
// and the checks. Plain data, so that it can be sent to the serving thread as it is. It holds no
// rules; those are in plan-overlay.ts, plan-device.ts and check-layers.ts.
import type { TreeFile } from '../image/store/tree-file.js'
import type { OverlayOptions } from '../overlay/options.js'

/**
 * How the command was called, which decides the defaults: `verb` is `plyfs mount`, `helper` is
 * mount(8)'s mount.plyfs or mount.fuse.plyfs, `drop-in` is fuse-overlayfs or no verb at all.
 */
export type Form = 'verb' | 'helper' | 'drop-in'

/** Our own protocol on /dev/fuse, or the npm package fuse-native, which uses libfuse 2. */
export type Transport = 'device' | 'fuse-native'

/** What the kernel is told when the FUSE filesystem is mounted. */
export interface DeviceMount {
  /** The first field of a mount table, as given (`fsname=`, or the helper's SPEC). */
  readonly source: string
  /** `plyfs` or `fuse-overlayfs`, or as given by `subtype=`: the type shown is `fuse.SUBTYPE`. */
  readonly subtype: string
  /** MS_* bits of mount(2): read-only, nodev, nosuid, noexec, the atime family, sync, dirsync. */
  readonly flags: number
  /** MS_PRIVATE and its like, set by a second call after the mount; 0 to leave it alone. */
  readonly propagation: number
  readonly allowOther: boolean
  /** `max_read=`; null leaves the kernel's own limit. */
  readonly maxRead: number | null
  /** SELinux's `context=` and its like, each as `name=value`; empty where SELinux does not run. */
  readonly securityContext: readonly string[]
  /** mount(2) by ourselves, or through the set-uid program `fusermount3`. */
  readonly privileged: boolean
}

/** Everything `serve` needs. */
export interface MountPlan {
  readonly form: Form
  readonly transport: Transport
  readonly overlay: OverlayOptions
  readonly device: DeviceMount
  /** Absolute, all links resolved, latin1 bytes. */
  readonly mountPoint: string
  /** Serve in the calling process and keep its stdin, stdout and stderr. */
  readonly foreground: boolean
  /** Log each request; implies `foreground`. */
  readonly debug: boolean
  /** Highest FUSE protocol minor to speak; null for the newest we know. */
  readonly protocolMinor: number | null
  /** `max_write=`: the most bytes of one WRITE; null for the default. */
  readonly maxWrite: number | null
  /**
   * Descriptors that hold the flock of the upper and of the work directory: the sign that both
   * are in use. Keep them open while anything may still be written, then close them.
   */
  readonly locks: readonly number[]
  /** The part of the process's descriptors that this mount may have: 1 where it is the only one. */
  readonly share: number
  /** Where the merged tree of the lowers is kept, which must not change then; null: nowhere. */
  readonly tree: TreeFile | null
  /** Its contents in shared memory, where the process has them already. */
  readonly treeBytes: Uint8Array | null
}
