// podman loads what we save, we load what it saves, and the image ID is the same everywhere.
import { isolated } from '../../helpers/isolated.js'
import { buildReal, NAME } from './real-image.js'
import { openShop, podmanStorage, tool } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 115_000 })
t.setTimeout(0)

const archive = await buildReal()

t.test('podman loads what we save, and the reverse', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  const id = (await shop.plyfs('images', '-q', '--no-trunc')).trim()
  for (const format of ['docker-archive', 'oci-archive']) {
    const file = `${shop.folder}/${format}`
    await shop.plyfs('save', '-q', '--format', format, '-o', file, NAME)
    const own = podmanStorage(`${shop.folder}/${format}-podman`)
    t.match(await tool('podman', ['load', '-q', '-i', file], own), NAME)
    const listed = await tool('podman', ['images', '-q', '--no-trunc'], own)
    t.equal(listed.trim(), id, 'the same ID')
    const saved = `${file}-podman.tar`
    await tool('podman', ['save', '-q', '--format', format, '-o', saved, NAME], own)
    const other = openShop(t)
    t.equal(await other.plyfs('load', '-q', '-i', saved), `Loaded image: ${NAME}\n`)
    t.equal((await other.plyfs('images', '-q', '--no-trunc')).trim(), id)
    t.match(await other.plyfs('fsck'), /no problems/)
  }
})
