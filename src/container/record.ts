// What a container is: written when it is made, and never changed but for its name. All strings are
// latin1 strings of bytes, as arguments and paths are, and the file holds those bytes.
import * as fs from 'node:fs'
import { type Digest, parseDigest } from '../image/model/digest.js'
import { asObject, asString, parseJson } from '../image/model/json-shape.js'
import { readIfThere } from '../image/store/replace-file.js'
import type { DriverName } from '../mount/drivers/driver.js'

/** Something mounted into the container. */
export type ContainerMount =
  | {
      readonly type: 'tmpfs'
      readonly target: string
      readonly options: readonly string[]
    }
  | {
      readonly type: 'bind'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
    }
  | {
      readonly type: 'volume'
      /** Of the volume; one without a name of its own has 64 hex digits. */
      readonly name: string
      readonly anonymous: boolean
      readonly target: string
      readonly readOnly: boolean
    }

/** What runs, and as whom. */
export interface ContainerProcess {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** KEY=VALUE. */
  readonly env: readonly string[]
  /** Absolute. */
  readonly directory: string
  /** USER[:GROUP], names or numbers; '' is root. */
  readonly user: string
  readonly terminal: boolean
  /** Its input is kept open for those who attach. */
  readonly input: boolean
}

export interface Limits {
  /** Bytes; null: none. */
  readonly memory: number | null
  /** Processors, as 1.5; null: all. */
  readonly cpus: number | null
}

export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string
  readonly name: string
  /** RFC 3339. */
  readonly created: string
  readonly image: Digest
  /** What the image was called. */
  readonly imageName: string
  readonly process: ContainerProcess
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  /** A name or a number. */
  readonly stopSignal: string
  /** The root stays read-only. */
  readonly readOnly: boolean
  readonly network: 'none' | 'host'
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly limits: Limits
  readonly mounts: readonly ContainerMount[]
  /** It goes when it has ended. */
  readonly autoRemove: boolean
  /** What its root comes from. */
  readonly driver: DriverName
  /** File of the OCI runtime. */
  readonly runtime: string
}

/** The bytes of container.json. */
export function formatRecord(record: ContainerRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`, 'latin1')
}

/** A container's record; null where there is none. @throws ImageError for a damaged one. */
export function readRecord(path: string): ContainerRecord | null {
  const bytes = readIfThere(path)
  if (bytes === null) return null
  const object = asObject(parseJson(bytes.toString('latin1'), path), path)
  asString(object['id'], `${path}: id`)
  parseDigest(asString(object['image'], `${path}: image`))
  // What we have written ourselves; a file that somebody edited is theirs.
  // Older ones name no driver: there was one alone.
  return { driver: 'plyfs', ...object } as unknown as ContainerRecord
}

/** Text, of a config or a file, as the bytes that records hold. */
export function bytesOfText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** What is not there is no names. */
export function namesIn(folder: Buffer): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder, 'latin1') : []
}
