// All workloads, in the order of the report. A new one is a file here and a name in this list.
import { absent } from './absent.js'
import { change } from './change.js'
import { copyUp } from './copy-up.js'
import { create } from './create.js'
import { coldImageFind, find, imageFind, parallelFind } from './find.js'
import { read } from './read.js'
import { remove } from './remove.js'
import { sequential } from './sequential.js'
import { tar } from './tar.js'
import { untar } from './untar.js'
import type { Workload } from './workload.js'

/** Those for `--image`. */
export const imageWorkloads: readonly Workload[] = [imageFind, coldImageFind]

export const workloads: readonly Workload[] = [
  find,
  parallelFind,
  tar,
  read,
  absent,
  sequential,
  create,
  untar,
  remove,
  change,
  copyUp,
]
