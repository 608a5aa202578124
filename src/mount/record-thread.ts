// The thread that records the merged trees of images: its work is many system calls, which would
// hold up whoever has signals and progress to see to.
import { workerData } from 'node:worker_threads'
import { recordLayers } from './merged-tree.js'
import type { RecordJob } from './record-images.js'

for (const { tree, overlay } of workerData as readonly RecordJob[])
  recordLayers(tree, overlay)
