// A thread of the store's that records the merged trees of images, too: its work is many system
// calls, which would hold up whoever has signals and progress to see to.
import { parentPort } from 'node:worker_threads'
import { serveStoreJobs } from '../image/store/serve-store-jobs.js'
import { recordLayers } from './merged-tree.js'
import type { RecordJob } from './record-images.js'

if (parentPort === null) throw new Error('this file is a thread that records trees')
serveStoreJobs(parentPort, what => {
  const { tree, overlay } = what as RecordJob
  recordLayers(tree, overlay)
})
