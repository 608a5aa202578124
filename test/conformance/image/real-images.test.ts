// Real images, made by scripts/test-images: their merged trees are those of others. The httpd image
// lies on the vim image, and that one on Debian's base.
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { compareMerged } from '../../integration/image/merged.js'
import { openShop } from '../../integration/image/verbs.js'

const { t } = await isolated(import.meta.url, { silence: 300_000, total: 590_000 })
t.setTimeout(0)

const cache = process.env['PLYFS_TEST_CACHE'] ?? '/var/cache/plyfs-test'

for (const [archive, name, least, undated] of [
  ['debian.oci.tar', 'quay.io/plyfs/debian:1', 5000, []],
  ['debian-vim.oci.tar', 'quay.io/plyfs/debian-vim:1', 5000, []],
  ['debian-httpd.docker.tar', 'quay.io/plyfs/debian-httpd:1', 15_000, []],
  ['deep120.docker.tar', 'quay.io/plyfs/deep:120', 1000, ['', 'step']],
] as const) {
  const path = `${cache}/${archive}`
  const skip = !fs.existsSync(path) && `${path} is missing: scripts/test-images makes it`
  t.test(archive, { skip }, async t => {
    const shop = openShop(t)
    await shop.plyfs('load', '-q', '-i', path)
    t.ok((await compareMerged(t, shop, name, undated)) > least)
  })
}
