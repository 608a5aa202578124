// The merged tree of an image, as plyfs mounts it, as kernel overlayfs mounts the same layers, and
// as umoci unpacks it.
import type { Test } from 'tap'
import { described } from '../../helpers/described.js'
import { freshDirectory } from '../../helpers/images.js'
import { must } from '../../helpers/run.js'
import { type Shop, tool } from './verbs.js'

/**
 * Compares all three, entry by entry; returns how many lines there were to compare.
 * @param undated directories without an entry in any layer: umoci gives them the time it runs at.
 */
export async function compareMerged(
  t: Test,
  shop: Shop,
  name: string,
  undated: readonly string[] = [],
): Promise<number> {
  const ours = freshDirectory(shop.folder, 'ours')
  await shop.plyfs('mount', name, ours)
  const lines = await described(ours).finally(() => must('umount', [ours]))

  const template = '{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}'
  const layers = (await shop.plyfs('inspect', '-f', template, name)).trim()
  const kernel = freshDirectory(shop.folder, 'kernel')
  await mountKernel(
    kernel,
    // A single layer lies on no other.
    layers.split(':').filter(layer => layer.startsWith('/')),
  )
  const fromKernel = await described(kernel).finally(() => must('umount', [kernel]))
  t.same(differences(lines, fromKernel), [], `${name}: as kernel overlayfs has it`)

  const unpacked = `${shop.folder}/umoci`
  await tool('umoci', ['unpack', '--image', `${shop.root}:${name}`, unpacked])
  const fromUmoci = await described(`${unpacked}/rootfs`)
  await must('rm', ['-rf', unpacked])
  const comparable = (line: string): string => withoutLayers(line, undated)
  const [merged, flat] = [lines.map(comparable), fromUmoci.map(comparable)]
  t.same(differences(merged, flat), [], `${name}: as umoci unpacks it`)
  return lines.length
}

/**
 * Without what the layers of an overlay show through: the link count of a file counts names that a
 * layer above hides.
 */
function withoutLayers(line: string, undated: readonly string[]): string {
  const fields = line.split('|')
  const [name = '', type] = fields
  if (type === 'd' && undated.includes(name)) return fields.slice(0, -1).join('|')
  return fields.length < 9 ? line : [...fields.slice(0, -2), fields.at(-1)].join('|')
}

/** A page of options is too short for the paths of 120 layers. */
async function mountKernel(point: string, layers: readonly string[]): Promise<void> {
  const [only] = layers
  if (layers.length === 1 && only !== undefined) {
    await must('mount', ['--bind', only, point])
    return
  }
  // Short names, relative to the working directory.
  const links = freshDirectory(`${point}/..`, 'links')
  const script = 'cd "$1" && i=0 && shift && for d; do ln -sfn "$d" $i; i=$((i+1)); done'
  await must('sh', ['-c', script, 'sh', links, ...layers])
  const lower = layers.map((_, i) => String(i)).join(':')
  await must('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${lower}`, 'overlay', point], {
    cwd: links,
  })
}

/** What only one of them has, the first few. */
function differences(one: readonly string[], other: readonly string[]): string[] {
  const [first, second] = [new Set(one), new Set(other)]
  return [
    ...one.filter(line => !second.has(line)).map(line => `plyfs: ${line}`),
    ...other.filter(line => !first.has(line)).map(line => `other: ${line}`),
  ].slice(0, 20)
}
