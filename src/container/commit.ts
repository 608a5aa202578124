// A container's writable layer as one more layer on its image. While it is read the container is
// frozen, unless that is not wanted, so that no file is half written.
import { commitLayer } from '../image/commit.js'
import { applyChanges, type RunConfig } from '../image/dockerfile-changes.js'
import type { Reference } from '../image/model/reference.js'
import type { Progress } from '../image/progress.js'
import type { ImageRecord } from '../image/store/image-record.js'
import type { Container, Containers } from './containers.js'
import { withWrittenBy } from './written-by.js'

export interface CommitOptions {
  readonly pause: boolean
  /** Text. */
  readonly author?: string
  readonly message?: string
  /** Dockerfile instructions. */
  readonly changes: readonly string[]
  readonly name: Reference | null
  readonly onWait?: () => void
}

/** @throws ContainerError, ImageError, FsError; nothing stays then. */
export function commitContainer(
  containers: Containers,
  container: Container,
  options: CommitOptions,
  progress: Progress,
): Promise<ImageRecord> {
  const { store } = containers
  const parent = store.resolve(container.record.image)
  const { run } = store.configOf(parent)
  // A wrong instruction is told before anything is read.
  const config = applyChanges(options.changes, runOf(container, run))
  const what = {
    ...options,
    parent,
    run: config,
  }
  return store.whileAdding(
    () =>
      commitLayer(store, what, progress, read =>
        withWrittenBy(store, container, options.pause, read),
      ),
    options.onWait,
  )
}

/** What the image's containers run with: as this one did (docker commit). */
function runOf({ record }: Container, run: RunConfig): RunConfig {
  const { process: what, labels, stopSignal } = record
  const text = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')
  const config: RunConfig = {
    ...run,
    Env: what.env.map(text),
    Cmd: what.command.map(text),
  }
  if (what.entrypoint.length > 0) config.Entrypoint = what.entrypoint.map(text)
  else delete config.Entrypoint
  if (what.directory !== '/' || run.WorkingDir !== undefined)
    config.WorkingDir = text(what.directory)
  if (what.user !== '') config.User = text(what.user)
  if (stopSignal !== 'SIGTERM' || run.StopSignal !== undefined)
    config.StopSignal = text(stopSignal)
  if (Object.keys(labels).length > 0)
    config.Labels = Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [text(key), text(value)]),
    )
  return config
}
