// Options by name: what is understood, refused, left over.
import t from 'tap'
import {
  MS_DIRSYNC,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_SHARED,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from '../../../src/sys/constants.js'
import { emptyRequest } from '../../../src/mount/mount-request.js'
import { parseOptions } from '../../../src/mount/parse-options.js'

t.test('nothing asked for', async t => {
  t.same(parseOptions([], 'refuse'), emptyRequest())
  t.same(
    parseOptions(
      ['', ',,', 'defaults,noauto,user,_netdev,x-systemd.automount'],
      'refuse',
    ),
    emptyRequest(),
  )
})

t.test('several strings are one', async t => {
  const together = parseOptions(['lowerdir=/l,upperdir=/u,workdir=/w,ro'], 'refuse')
  const apart = parseOptions(['workdir=/w', 'upperdir=/u', 'lowerdir=/l', 'ro'], 'refuse')
  t.same(together, apart)
})

t.test('unknown options', async t => {
  t.same(parseOptions(['foo=bar,ro,baz'], 'collect').unknown, ['foo=bar', 'baz'])
  t.throws(() => parseOptions(['ro,foo=bar'], 'refuse'), {
    message: /foo=bar is not known/,
  })
})

t.test('ways of working that are accepted', async t => {
  const options =
    'threaded=1,writeback=0,fast_ino=1,splice_read,kernel_cache,override_creds,default_permissions'
  t.same(parseOptions([options], 'refuse'), emptyRequest())
})

t.test('values that are wrong name the option', async t => {
  const wrong: readonly [string, RegExp][] = [
    ['redirect_dir=maybe', /redirect_dir=maybe .*redirect_dir=nofollow/],
    ['index=yes', /index=yes is not understood; write one of index=on, index=off/],
    ['index', /option index is not understood/],
    ['xino=', /option xino= is not understood/],
    ['xattr_permissions=3', /xattr_permissions=3/],
    ['squash_to_uid=root', /squash_to_uid=root needs a number/],
    ['squash_to_uid=4294967295', /needs a number from 0 to 4294967294/],
    ['timeout=soon', /timeout=soon needs a number of seconds/],
    ['timeout=-1', /timeout=-1/],
    ['proto_minor=30', /proto_minor=30 needs a number from 31/],
    ['max_stack_depth=3', /max_stack_depth=3/],
    ['lowerdir', /option lowerdir has no value/],
    ['plugins=a', /plugins: plug-ins cannot be loaded/],
    ['allow_root', /allow_root: .*use allow_other/],
    ['static_nlink=maybe', /static_nlink=maybe/],
  ]
  for (const [option, message] of wrong) {
    t.throws(() => parseOptions([option], 'collect'), { message }, option)
  }
})

t.test('flags of mount(2): the later option wins', async t => {
  const cases: readonly [string, number, number][] = [
    ['ro', MS_RDONLY, 0],
    ['ro,rw', 0, MS_RDONLY],
    ['rw,ro', MS_RDONLY, 0],
    ['nodev,nosuid,noexec', MS_NODEV | MS_NOSUID | MS_NOEXEC, 0],
    ['nodev,dev', 0, MS_NODEV],
    ['noatime', MS_NOATIME, MS_RELATIME | MS_STRICTATIME],
    ['noatime,relatime', MS_RELATIME, MS_NOATIME | MS_STRICTATIME],
    ['strictatime,nodiratime', MS_STRICTATIME | MS_NODIRATIME, MS_NOATIME | MS_RELATIME],
    ['atime', 0, MS_NOATIME],
    ['sync,dirsync', MS_SYNCHRONOUS | MS_DIRSYNC, 0],
    ['sync,async', 0, MS_SYNCHRONOUS],
  ]
  for (const [options, flagsOn, flagsOff] of cases) {
    t.match(parseOptions([options], 'refuse'), { flagsOn, flagsOff }, options)
  }
})

t.test('the rest of the mount', async t => {
  t.match(
    parseOptions(
      ['fsname=a\\,b c,subtype=x,max_read=65536,max_write=131072,debug'],
      'refuse',
    ),
    { source: 'a,b c', subtype: 'x', maxRead: 65536, maxWrite: 131072, debug: true },
  )
  t.match(parseOptions(['private,rshared'], 'refuse'), { propagation: MS_SHARED })
  t.match(parseOptions(['rprivate'], 'refuse'), { propagation: MS_PRIVATE })
  t.match(parseOptions(['allow_other'], 'refuse'), { allowOther: true })
  t.match(parseOptions(['remount,ro'], 'refuse'), { remount: true, flagsOn: MS_RDONLY })
  t.match(parseOptions(['context="a:b:c:s0:c1,c2",fscontext=x'], 'refuse'), {
    securityContext: ['context=a:b:c:s0:c1,c2', 'fscontext=x'],
  })
})
