// Every property of the suite, in the order it runs.
import type { Case } from '../property.js'
import acl from './acl.js'
import allocate from './allocate.js'
import concurrency from './concurrency.js'
import copyRange from './copy-range.js'
import createMode from './create-mode.js'
import directIo from './direct-io.js'
import directory from './directory.js'
import execute from './execute.js'
import identity from './identity.js'
import inodeFlags from './inode-flags.js'
import kept from './kept.js'
import link from './link.js'
import locks from './locks.js'
import mapping from './mapping.js'
import mknod from './mknod.js'
import names from './names.js'
import notify from './notify.js'
import openFlags from './open-flags.js'
import ownerMode from './owner-mode.js'
import permission from './permission.js'
import readWrite from './read-write.js'
import readdir from './readdir.js'
import renameDirectory from './rename-directory.js'
import renameFlags from './rename-flags.js'
import rename from './rename.js'
import setId from './set-id.js'
import statfs from './statfs.js'
import symlink from './symlink.js'
import sync from './sync.js'
import timeUpdates from './time-updates.js'
import times from './times.js'
import tmpfile from './tmpfile.js'
import truncate from './truncate.js'
import unlink from './unlink.js'
import workingDirectory from './working-directory.js'
import xattr from './xattr.js'

export const cases: readonly Case[] = [
  ...acl,
  ...allocate,
  ...concurrency,
  ...copyRange,
  ...createMode,
  ...directIo,
  ...directory,
  ...execute,
  ...identity,
  ...inodeFlags,
  ...kept,
  ...link,
  ...locks,
  ...mapping,
  ...mknod,
  ...names,
  ...notify,
  ...openFlags,
  ...ownerMode,
  ...permission,
  ...readWrite,
  ...readdir,
  ...renameDirectory,
  ...renameFlags,
  ...rename,
  ...setId,
  ...statfs,
  ...symlink,
  ...sync,
  ...timeUpdates,
  ...times,
  ...tmpfile,
  ...truncate,
  ...unlink,
  ...workingDirectory,
  ...xattr,
]
