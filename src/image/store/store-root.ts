// Where a user's store is when nobody says: the host's for root, one of their own for others.
import { homedir } from 'node:os'

/** A latin1 string of bytes (XDG base directory specification for ordinary users). */
export function defaultRoot(
  uid: number = process.geteuid?.() ?? 0,
  env: Readonly<Record<string, string | undefined>> = process.env,
  home: string = homedir(),
): string {
  if (uid === 0) return '/var/lib/plyfs'
  const data = env['XDG_DATA_HOME']
  // The specification has relative paths ignored.
  const base = data?.startsWith('/') === true ? data : `${home}/.local/share`
  return Buffer.from(`${base}/plyfs`, 'utf8').toString('latin1')
}
