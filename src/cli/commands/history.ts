// `plyfs history IMAGE`: how an image was made, the newest step first.
import { chainIds } from '../../image/model/chain.js'
import { shortDigest } from '../../image/model/digest.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { ago } from '../ago.js'
import { formatBytes } from '../bytes-size.js'
import { type Column, type ListRow, renderList } from '../list-output.js'
import { asBytes, printLine } from '../output.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface HistoryFlags extends StoreFlags {
  readonly format?: string
  readonly json?: boolean
  readonly quiet?: boolean
  /** `--no-trunc` makes it false. */
  readonly trunc?: boolean
  /** `--no-human` makes it false: bytes and dates as they are. */
  readonly human?: boolean | string
}

const COLUMNS: readonly Column[] = [
  ['IMAGE', 'ID'],
  ['CREATED', 'CreatedSince'],
  ['CREATED BY', 'CreatedBy'],
  ['SIZE', 'Size'],
  ['COMMENT', 'Comment'],
]
const MISSING = '<missing>'
/** Characters of a command, as Docker cuts it. */
const SHORT = 45

/** Prints one line for each step; 0. Throws an ImageError. */
export async function history(image: string, flags: HistoryFlags): Promise<number> {
  const store = await openStore(flags)
  const rows = historyRows(store, store.resolve(image), flags)
  if (flags.quiet === true) printLine(rows.map(({ ID }) => String(ID)).join('\n'))
  else printLine(asBytes(renderList(rows, COLUMNS, flags)))
  return 0
}

function historyRows(store: Store, record: ImageRecord, flags: HistoryFlags): ListRow[] {
  const { history: steps, diffIds } = store.configOf(record)
  const sizes = chainIds(diffIds).map(id => store.layers.record(id)?.bytes ?? 0)
  // A config without history has layers all the same.
  const known = steps.length > 0 ? steps : diffIds.map(() => ({ emptyLayer: false }))
  const human = flags.human !== false && flags.human !== 'false'
  let layer = 0
  const rows = known.map((step): ListRow => {
    const bytes = step.emptyLayer ? 0 : (sizes[layer++] ?? 0)
    const created = 'created' in step ? step.created : undefined
    const by = ('createdBy' in step ? step.createdBy : undefined) ?? ''
    return {
      ID: MISSING,
      CreatedAt: created ?? 'N/A',
      CreatedSince: human ? ago(created) : (created ?? 'N/A'),
      CreatedBy: flags.trunc === false ? by : cut(by.replace(/\s+/g, ' ')),
      Size: human ? formatBytes(bytes) : String(bytes),
      Comment: ('comment' in step ? step.comment : undefined) ?? '',
    }
  })
  const id = flags.trunc === false ? record.id : shortDigest(record.id)
  return rows.toReversed().map((row, i) => (i === 0 ? { ...row, ID: id } : row))
}

function cut(text: string): string {
  return text.length > SHORT ? `${text.slice(0, SHORT - 1)}…` : text
}
