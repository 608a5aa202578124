// What cannot be mounted is refused before anything is changed: one line that names the cause and
// the remedy, status 1, nothing on disk and nothing in the mount table.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { must } from '../../helpers/run.js'
import { makeFolders, mountsOn, refused, writable } from './command.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

t.test('options', async t => {
  const folders = makeFolders(scratch())
  const base = writable(folders)
  await refused(t, folders, `${base},nonsense=1`, /nonsense=1 is not known/)
  await refused(t, folders, `${base},index=maybe`, /index=maybe is not understood/)
  await refused(t, folders, `${base},metacopy=on,redirect_dir=off`, /exclude each other/)
  await refused(t, folders, 'ro', /no lower directory is given/)
  await refused(t, folders, `lowerdir=${folders.lowers[0]},upperdir=/u`, /needs a work/)
})

t.test('directories that are missing or none', async t => {
  const folders = makeFolders(scratch())
  const { base, lowers, upper, work, point } = folders
  const file = path.join(lowers[1], 'two')
  const gone = path.join(base, 'gone')
  const with_ = (lower: string, up: string, at: string): string =>
    `lowerdir=${lower},upperdir=${up},workdir=${at}`
  await refused(
    t,
    folders,
    with_(gone, upper, work),
    /the lower directory .*gone does not exist/,
  )
  await refused(
    t,
    folders,
    with_(file, upper, work),
    /the lower directory .*two is not a dir/,
  )
  await refused(
    t,
    folders,
    with_(lowers[0], gone, work),
    /the upper directory .*does not exist/,
  )
  await refused(
    t,
    folders,
    with_(lowers[0], upper, gone),
    /the work directory .*does not exist/,
  )
  await refused(
    t,
    { ...folders, point: gone },
    writable(folders),
    /the mount point .*does not/,
  )
  await refused(
    t,
    { ...folders, point: file },
    writable(folders),
    /mount point .*not a dir/,
  )
  t.same(mountsOn(point), [])
})

t.test('layers that overlap', async t => {
  const folders = makeFolders(scratch())
  const { lowers, upper, work } = folders
  const [lower] = lowers
  fs.mkdirSync(path.join(upper, 'in'))
  fs.mkdirSync(path.join(work, 'in'))
  const with_ = (low: string, up: string, at: string): string =>
    `lowerdir=${low},upperdir=${up},workdir=${at}`
  await refused(t, folders, `lowerdir=${lower}:${lower}`, /is given twice/)
  await refused(
    t,
    folders,
    `lowerdir=${lower}:${lower}/d`,
    /lies inside the lower directory/,
  )
  await refused(t, folders, with_(lower, upper, `${upper}/in`), /lie in one another/)
  await refused(t, folders, with_(lower, `${work}/in`, work), /lie in one another/)
  await refused(t, folders, with_(lower, upper, upper), /as upper and as work/)
  await refused(t, folders, with_(upper, upper, work), /as upper and as lower/)
  await refused(
    t,
    folders,
    with_(`${upper}/in`, upper, work),
    /inside the upper directory/,
  )
  await refused(t, folders, with_(`${work}/in`, upper, work), /inside the work directory/)
})

t.test('the same directory by another way', async t => {
  const folders = makeFolders(scratch())
  const { base, lowers, upper, work } = folders
  const link = path.join(base, 'link')
  fs.symlinkSync(lowers[0], link)
  await refused(t, folders, `lowerdir=${lowers[0]}:${link}`, /is given twice/)
  const bound = path.join(base, 'bound')
  fs.mkdirSync(bound)
  await must('mount', ['--bind', path.join(upper, '..'), bound])
  t.teardown(() => must('umount', [bound]))
  const inside = `lowerdir=${bound}/u/x,upperdir=${upper},workdir=${work}`
  fs.mkdirSync(path.join(upper, 'x'))
  await refused(t, { ...folders, base: upper }, inside, /lies inside the upper directory/)
})
