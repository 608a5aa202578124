// Blobs against their digests. A damaged one is removed by a repair, so that the next pull or load
// brings it anew; until then images that need it say that it is missing.
import { createHash } from 'node:crypto'
import { type Digest, digestOfHex, shortDigest } from '../model/digest.js'
import type { Progress } from '../progress.js'
import type { Store } from '../store/store.js'
import type { Problem } from './problem.js'

export async function checkBlobs(
  store: Store,
  blobs: readonly Digest[],
  repair: boolean,
  progress: Progress,
): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const digest of blobs) {
    const found = await digestOnDisk(store, digest, progress)
    if (found === digest) continue
    if (repair) store.blobs.remove(digest)
    problems.push({
      kind: 'blob',
      subject: digest,
      text: `blob ${digest} is damaged: its contents are ${found}`,
      repaired: repair ? 'removed' : null,
    })
  }
  return problems
}

async function digestOnDisk(
  store: Store,
  digest: Digest,
  progress: Progress,
): Promise<Digest> {
  const task = progress.task(
    `check ${shortDigest(digest)}`,
    store.blobs.size(digest) ?? 0,
  )
  const hash = createHash('sha256')
  for await (const piece of store.blobs.open(digest)) {
    hash.update(piece)
    task.advance(piece.length)
  }
  task.done('read')
  return digestOfHex(hash.digest('hex'))
}
