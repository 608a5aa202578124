// The thread that records the merged trees of images: its work is many system calls, which would
// hold up whoever has signals and progress to see to.
import { parentPort } from 'node:worker_threads'
import { recordLayers } from './merged-tree.js'
import type { RecordJob } from './record-images.js'

const port = parentPort
if (port === null) throw new Error('this file is a thread that records trees')
port.once('message', (jobs: readonly RecordJob[]) => {
  for (const { tree, overlay } of jobs) recordLayers(tree, overlay)
})
