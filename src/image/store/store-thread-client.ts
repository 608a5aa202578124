// Work that is given to a thread of its own: waiting for locks, unpacking layers. The thread lives
// as long as its one job.
import { Worker } from 'node:worker_threads'
import { FsError } from '../../errno/fs-error.js'
import { ImageError } from '../model/errors.js'
import type { FromStoreThread, StoreJob, UnpackResult } from './store-job.js'

/** Runs one job. @throws what the job threw: an ImageError or an FsError as themselves. */
export async function runOnThread(
  job: StoreJob,
  onBytes?: (count: number) => void,
): Promise<UnpackResult | null> {
  const worker = new Worker(threadFile(), {
    workerData: job,
    stdout: false,
    stderr: false,
  })
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: FromStoreThread) => {
        if (message.kind === 'bytes') onBytes?.(message.count)
        else if (message.kind === 'done') resolve(message.result)
        else reject(rebuild(message))
      })
      worker.on('error', reject)
      worker.on('exit', code => {
        reject(new Error(`the store's thread ended with ${code} and no answer`))
      })
    })
  } finally {
    await worker.terminate()
  }
}

/** An error crosses threads as a plain one; the caller decides by its class. */
function rebuild(message: Extract<FromStoreThread, { kind: 'failed' }>): Error {
  const { error } = message
  if (error.is === 'image')
    return new ImageError(error.code, error.message, error.place, undefined)
  if (error.is === 'system') return new FsError(error.errno, error.syscall, error.path)
  return new Error(error.stack)
}

function threadFile(): URL {
  const bundled = import.meta.url.endsWith('/plyfs.js')
  return new URL(bundled ? './store.js' : './store-thread.js', import.meta.url)
}
