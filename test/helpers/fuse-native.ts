// Whether a mount through the npm package fuse-native can be made here.
import { spawnSync } from 'node:child_process'

/** What is lacking, in words; undefined where nothing is. */
export function fuseNativeLacks(): string | undefined {
  // In a process of its own: it loads a library.
  const { status, stderr } = spawnSync(
    process.execPath,
    ['-e', "require('fuse-native')"],
    { encoding: 'utf8' },
  )
  if (status === 0) return undefined
  return stderr.includes('libfuse.so.2')
    ? "needs libfuse.so.2 (Debian's libfuse2)"
    : 'needs the optional npm package fuse-native'
}
