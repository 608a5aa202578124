// dockerd loads what we save, we load what it saves, and the image ID is the same everywhere.
import { isolated } from '../../helpers/isolated.js'
import { buildReal, NAME, startDocker } from './real-image.js'
import { openShop } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 115_000 })
t.setTimeout(0)

const archive = await buildReal()

t.test('dockerd loads what we save, gzip too, and the reverse', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  const id = (await shop.plyfs('images', '-q', '--no-trunc')).trim()
  const daemon = await startDocker(shop.folder)
  t.teardown(() => daemon.stop())
  for (const ending of ['.tar', '.tar.gz']) {
    const file = `${shop.folder}/d${ending}`
    await shop.plyfs('save', '-q', '-o', file, NAME)
    t.match(await daemon.docker('load', '-q', '-i', file), NAME)
    t.equal((await daemon.docker('images', '-q', '--no-trunc')).trim(), id)
    await daemon.docker('tag', NAME, 'second:2')
    const saved = `${shop.folder}/saved${ending}`
    await daemon.docker('save', '-o', saved, NAME, 'second:2')
    const other = openShop(t)
    t.equal(
      (await other.plyfs('load', '-q', '-i', saved)).split('\n').toSorted().join('|'),
      `|Loaded image: ${NAME}|Loaded image: second:2`,
    )
    t.equal((await other.plyfs('images', '-q', '--no-trunc')).trim(), id)
    await daemon.docker('rmi', '-f', id)
  }
})
