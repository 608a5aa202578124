// The store's thread, with the jobs that every one of them has.
import { parentPort } from 'node:worker_threads'
import { serveStoreJobs } from './serve-store-jobs.js'

if (parentPort === null) throw new Error('this file is a thread of the store')
serveStoreJobs(parentPort)
