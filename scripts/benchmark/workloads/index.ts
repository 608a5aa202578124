// All workloads, in the order of the report. A new one is a file here and a name in this list.
import { absent } from './absent.js'
import { archives, gzipArchive } from './archive.js'
import { change } from './change.js'
import { containerChange, containerStart } from './container.js'
import { checkout, create, untar } from './create.js'
import { coldFind, coldImageFind, find, imageFind, parallelFind } from './find.js'
import { largeFile } from './large-file.js'
import { latency } from './latency.js'
import { load, loadDeep, loadMemory } from './load.js'
import { make } from './make.js'
import { manyLayers } from './many-layers.js'
import { read } from './read.js'
import { memory } from './memory.js'
import { remove } from './remove.js'
import { startMount } from './start.js'
import { coldTar, tar } from './tar.js'
import { verify } from './verify.js'
import type { Workload } from './workload.js'

export const workloads: readonly Workload[] = [
  find,
  tar,
  largeFile,
  read,
  absent,
  create,
  untar,
  checkout,
  remove,
  change,
  manyLayers,
  latency,
  startMount,
  memory,
  parallelFind,
  make,
  imageFind,
  load,
  loadDeep,
  loadMemory,
  archives,
  gzipArchive,
  verify,
  containerStart,
  containerChange,
  // Last: after these a disk has to be read again.
  coldFind,
  coldTar,
  coldImageFind,
]
