// Runs one function of a module on a worker thread: the addon's per-thread calls (credentials,
// namespaces, umask) must leave the thread that started it alone.
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Request {
  readonly module: string
  readonly name: string
}

/** What the exported function `name` of the module at `url` returns on a thread of its own. */
export function onThread<Result>(url: string, name: string): Promise<Result> {
  const request: Request = { module: url, name }
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: request })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', code => reject(new Error(`the thread ended with ${code}`)))
  })
}

if (!isMainThread && workerData !== null) {
  const { module, name } = workerData as Request
  const functions = (await import(module)) as Record<string, () => unknown>
  parentPort?.postMessage(await functions[name]?.())
}
