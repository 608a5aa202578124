// /v1/mounts: what is mounted, and mounting.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { textOfAnswer } from '../bytes/bytes-text.js'
import type { Store } from '../image/store/store.js'
import { ApiError } from './api-error.js'
import type { ApiAnswer, ApiRequest } from './http-server.js'
import { directoriesMount, imageMount, type WhatToMount } from './make-mount.js'
import type { Mounts, OwnedMount } from './mounts.js'
import { sharesOurView } from './peer.js'
import {
  flagField,
  objectOf,
  pathField,
  stringField,
  stringsField,
  wordField,
} from './request-fields.js'

const FIELDS = ['image', 'mountPoint', 'options', 'rw', 'verify', 'aufs']
/** Milliseconds for a mount to tell its figures. */
const PATIENCE = 5000

/** @param rest the path behind /v1/mounts, its parts. */
export async function routeMounts(
  store: Store,
  mounts: Mounts,
  rest: readonly string[],
  request: ApiRequest,
): Promise<ApiAnswer | null> {
  const { method, query, signal } = request
  const [id, more, ...others] = rest
  if (others.length > 0) return null
  if (id === undefined) {
    if (method === 'GET')
      return answer(
        200,
        mounts.list().map(one => shown(mounts, one)),
      )
    if (method !== 'POST') return null
    if (!sharesOurView(request.peer.pid)) throw elsewhere()
    const { shown: what, make } = whatToMount(store, request.body)
    return answer(201, shown(mounts, await mounts.make(what, make, signal)))
  }
  const mount = mounts.find(id)
  if (more === 'stats' && method === 'GET') return statsOf(mounts, mount)
  if (more !== undefined) return null
  if (method === 'GET') return answer(200, shown(mounts, mount))
  if (method !== 'DELETE') return null
  await mounts.unmount(mount, query.get('lazy') === 'true')
  return { status: 204 }
}

function whatToMount(store: Store, body: Buffer): WhatToMount {
  const object = objectOf(body, FIELDS)
  const mountPoint = pathField(object, 'mountPoint')
  const options = stringsField(object, 'options')
  const image = stringField(object, 'image')
  const how = { mountPoint, options, foreground: false, debug: false }
  if (image === undefined) {
    const command = {
      ...how,
      form: 'verb',
      program: 'plyfs',
      source: null,
      sloppy: false,
    } as const
    return directoriesMount(command, {}, '/', () => undefined)
  }
  const request = {
    ...how,
    image,
    writable: stringField(object, 'rw') ?? null,
    verify: wordField(object, 'verify', ['quick', 'full', 'none']),
    driver: flagField(object, 'aufs') ? 'aufs' : 'plyfs',
  } as const
  return imageMount(store, request, {}, '/')
}

function elsewhere(): ApiError {
  return new ApiError(
    409,
    'namespace',
    'the caller has another mount namespace, root or user namespace than the daemon: mount without it',
  )
}

function shown(mounts: Mounts, mount: OwnedMount): unknown {
  const { id, image, writable, source, since, device } = mount
  const place = mounts.placeOf(mount)
  const isWritable = place !== null && !place.superOptions.includes('ro')
  const mountPoint = place?.mountPoint ?? mount.mountPoint
  const isLeaving = place === null
  return textOfAnswer({
    ...{ id, mountPoint, image, rw: writable, source, device, since, isWritable },
    isLeaving,
  })
}

/** Asked by a process of its own: whoever serves a mount does not wait for it. */
async function statsOf(mounts: Mounts, mount: OwnedMount): Promise<ApiAnswer> {
  const place = mounts.placeOf(mount)
  if (place === null) throw new ApiError(409, 'mount', 'the mount has no place any more')
  const path = Buffer.from(place.mountPoint, 'latin1').toString('utf8')
  const words = [process.argv[1] ?? '', 'stats', '--json', path]
  const ran = await promisify(execFile)(process.execPath, words, {
    timeout: PATIENCE,
    env: { ...process.env, PLYFS_ARGV0: 'plyfs' },
  })
  return answer(200, JSON.parse(ran.stdout))
}

function answer(status: number, json: unknown): ApiAnswer {
  return { status, json }
}
