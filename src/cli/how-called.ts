// Which of the program's faces was called, told from the name it was called by and the first
// arguments. Pure.

/** A verb of plyfs, or one of the three ways to ask for a mount. */
export type Call =
  | { readonly kind: 'verb'; readonly args: readonly string[] }
  | { readonly kind: 'mount-verb'; readonly args: readonly string[] }
  /** Started by `run`, `cp` and their like, never by people. */
  | { readonly kind: 'container-server'; readonly args: readonly string[] }
  | { readonly kind: 'mount-helper'; readonly args: readonly string[] }
  | {
      readonly kind: 'drop-in'
      readonly args: readonly string[]
      readonly program: 'plyfs' | 'fuse-overlayfs'
    }

/** @param name the basename of argv[0], which the launcher passes on in PLYFS_ARGV0. */
export function howCalled(name: string, args: readonly string[]): Call {
  if (name === 'fuse-overlayfs') return { kind: 'drop-in', args, program: name }
  if (/^mount\.(fuse3?\.)?plyfs$/.test(name)) return { kind: 'mount-helper', args }
  const [first] = args
  if (first === 'mount') return { kind: 'mount-verb', args: args.slice(1) }
  if (first === 'container-serve' || first === 'container-hold')
    return { kind: 'container-server', args }
  if (first === undefined || VERBS.has(first)) return { kind: 'verb', args }
  if (args.length === 1 && HELP.has(first)) return { kind: 'verb', args: ['help'] }
  // mount.fuse3 calls `plyfs SOURCE DIR -o OPTIONS`.
  const isMount = first.startsWith('-') || args.some(arg => arg.startsWith('-o'))
  return isMount ? { kind: 'drop-in', args, program: 'plyfs' } : { kind: 'verb', args }
}

const VERBS: ReadonlySet<string> = new Set([
  'umount',
  'unmount',
  'which',
  'stats',
  'version',
  'help',
  'pull',
  'push',
  'login',
  'logout',
  'search',
  'tags',
  'load',
  'save',
  'import',
  'images',
  'image',
  'history',
  'inspect',
  'tag',
  'rmi',
  'gc',
  'fsck',
  'diff',
  'export',
  'ls',
  'cat',
  'run',
  'create',
  'start',
  'restart',
  'stop',
  'kill',
  'rm',
  'wait',
  'ps',
  'logs',
  'exec',
  'attach',
  'pause',
  'unpause',
  'top',
  'rename',
  'commit',
  'cp',
  'volume',
  'writable',
  'daemon',
])

const HELP: ReadonlySet<string> = new Set(['-h', '--help'])
