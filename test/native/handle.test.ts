// File handles and the UUID of a filesystem.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
import {
  AT_EMPTY_PATH,
  AT_HANDLE_FID,
  O_PATH,
  O_RDONLY,
} from '../../src/sys/constants.js'
import { close, openat2, pread } from '../../src/sys/file.js'
import { getfsuuid, name_to_handle_at, open_by_handle_at } from '../../src/sys/handle.js'
import { isRoot, outcome, place, succeed } from './place.js'

t.test('handles', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), 'data')
  const handle = new Uint8Array(136)
  const out = new Int32Array(1)
  const used = name_to_handle_at(fd, 'file', handle, out, 0)
  t.ok(used > 8)
  const view = new DataView(handle.buffer)
  t.equal(view.getUint32(0, true), used - 8)
  const mountId = /mnt_id:\s*(\d+)/.exec(
    fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'),
  )
  t.equal(out[0], Number(mountId?.[1]))

  const object = succeed(openat2(fd, 'file', O_PATH, 0, 0))
  const again = new Uint8Array(136)
  t.equal(name_to_handle_at(object, '', again, out, AT_EMPTY_PATH), used)
  t.strictSame(again, handle)
  close(object)

  // At an address that is not the structure's own alignment.
  const shifted = new Uint8Array(200).subarray(3, 3 + used)
  shifted.set(handle.subarray(0, used))
  const opened = succeed(open_by_handle_at(fd, shifted, O_RDONLY))
  const room = new Uint8Array(4)
  t.equal(pread(opened, room, 0, 4, 0), 4)
  t.equal(Buffer.from(room).toString(), 'data')
  close(opened)

  fs.unlinkSync(at('file'))
  t.equal(outcome(open_by_handle_at(fd, handle, O_RDONLY)), 'ESTALE')
  t.equal(outcome(name_to_handle_at(fd, 'file', handle, out, 0)), 'ENOENT')
  t.equal(outcome(name_to_handle_at(fd, '.', new Uint8Array(9), out, 0)), 'EOVERFLOW')
  t.throws(() => name_to_handle_at(fd, '.', new Uint8Array(7), out, 0), RangeError)
  t.throws(() => name_to_handle_at(fd, '.', handle, new Int32Array(0), 0), RangeError)
  t.throws(() => open_by_handle_at(fd, new Uint8Array(7), O_RDONLY), RangeError)
  const lying = new Uint8Array(16)
  lying[0] = 100
  t.throws(() => open_by_handle_at(fd, lying, O_RDONLY), RangeError, 'longer than it is')
  t.ok(name_to_handle_at(fd, '.', handle, out, AT_HANDLE_FID) > 8)
})

t.test('getfsuuid', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { fd, at } = place(t)
  const wanted = '12345678-9abc-def0-1234-56789abcdef0'
  fs.mkdirSync(at('mnt'))
  fs.writeFileSync(at('image'), '')
  fs.truncateSync(at('image'), 8 << 20)
  execFileSync('mkfs.ext4', ['-q', '-O', '^has_journal', '-U', wanted, at('image')])
  execFileSync('mount', ['-o', 'loop', at('image'), at('mnt')])
  t.teardown(() => execFileSync('umount', ['-l', at('mnt')]))
  const mounted = succeed(openat2(fd, 'mnt', O_RDONLY, 0, 0))
  const uuid = new Uint8Array(20)
  t.equal(getfsuuid(mounted, uuid), 16)
  t.equal(Buffer.from(uuid).toString('hex', 0, 16), wanted.replaceAll('-', ''))
  close(mounted)
  t.throws(() => getfsuuid(fd, new Uint8Array(15)), RangeError)
  t.equal(outcome(getfsuuid(9999, uuid)), 'EBADF')
  const proc = succeed(openat2(-100, '/proc', O_RDONLY, 0, 0))
  t.equal(outcome(getfsuuid(proc, uuid)), 'ENOTTY')
  close(proc)
})
