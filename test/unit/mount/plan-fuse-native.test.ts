// What libfuse is told about a mount, and what is refused.
import t from 'tap'
import { MountError } from '../../../src/mount/mount-error.js'
import type { MountPlan } from '../../../src/mount/mount-plan.js'
import { planMount } from '../../../src/mount/open-mount.js'
import { parseOptions } from '../../../src/mount/parse-options.js'
import {
  libfuseOptions,
  mountPointText,
  planForFuseNative,
} from '../../../src/mount/plan-fuse-native.js'
import { given, ordinary } from './circumstances-of.js'

const WRITABLE = 'upperdir=/u,workdir=/w'

function plan(options: string, mountPoint = '/m', by = given()): MountPlan {
  const request = parseOptions(
    ['lowerdir=/l', 'transport=fuse-native', options],
    'refuse',
  )
  return planMount(
    {
      form: 'verb',
      program: 'plyfs',
      options: [],
      source: null,
      mountPoint,
      foreground: false,
      debug: false,
      sloppy: false,
    },
    request,
    by,
  )
}

const ALWAYS = ['default_permissions', 'use_ino', 'big_writes']

function told(options: string, by = given()): string[] {
  return libfuseOptions(plan(options, '/m', by)).split(',')
}

t.test('the options of a writable mount of root', async t => {
  t.same(told(WRITABLE), [
    'plyfs',
    'subtype=plyfs',
    ...ALWAYS,
    'entry_timeout=1000000000',
    'negative_timeout=1000000000',
    'attr_timeout=0',
    'nonempty',
    'suid',
    'dev',
  ])
})

t.test('a read-only mount keeps attributes', async t => {
  const options = told('nosuid,noexec,max_read=4096,max_write=8192')
  for (const option of ['attr_timeout=1000000000', 'ro', 'nosuid', 'noexec', 'dev'])
    t.ok(options.includes(option), option)
  t.notOk(options.includes('suid'))
  t.ok(options.includes('max_read=4096') && options.includes('max_write=8192'))
})

t.test('timeout= is what is kept', async t => {
  const options = told('timeout=2.5')
  for (const name of ['entry', 'negative', 'attr'])
    t.ok(options.includes(`${name}_timeout=2.5`), name)
})

t.test('before an upper joins nothing is kept', async t => {
  const planned = plan('')
  const overlay = { ...planned.overlay, attachesUpper: true }
  const options = libfuseOptions({ ...planned, overlay }).split(',')
  for (const name of ['entry', 'negative', 'attr'])
    t.ok(options.includes(`${name}_timeout=0`), name)
})

t.test('an ordinary user asks for nothing that fusermount refuses', async t => {
  const options = told(`userxattr,${WRITABLE}`, given(ordinary))
  t.ok(options.includes('nosuid') && options.includes('nodev'))
  t.notOk(options.includes('nonempty') || options.includes('dev'))
})

t.test('nobody but the mounter is let in', async t => {
  t.equal(plan('').device.allowOther, false)
  t.throws(() => plan('allow_other'), MountError)
})

t.test('names cannot add options', async t => {
  const options = libfuseOptions(plan('fsname=a\\,allow_other'))
  t.match(options, /^a\\,allow_other,subtype=plyfs,/)
})

t.test('text that the package would cut or lose is refused', async t => {
  t.equal(mountPointText(plan('', '/\xc3\xa9')), '/é')
  t.throws(() => mountPointText(plan('', '/\xff')), { message: /no UTF-8/ })
  t.throws(() => mountPointText(plan('', `/${'m'.repeat(1000)}`)), {
    message: /1001 bytes/,
  })
  t.throws(() => libfuseOptions(plan(`fsname=${'x'.repeat(1000)}`)), MountError)
})

t.test('what libfuse 2 does not know is refused', async t => {
  for (const option of [
    'passthrough=on',
    'proto_minor=31',
    'private',
    'nosymfollow',
    'nodiratime',
    'strictatime',
    'lazytime',
  ])
    t.throws(() => plan(option), { message: /cannot be had with the transport/ }, option)
  t.doesNotThrow(() => plan('relatime,noatime,sync,dirsync'))
})

t.test('inode numbers are of 32 bits, and nothing passes by', async t => {
  t.match(planForFuseNative(plan('')).overlay, { ino32: true, passthrough: false })
})
