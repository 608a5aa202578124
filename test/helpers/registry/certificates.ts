// An authority of a test's own and what it signs, made with openssl.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { must } from '../run.js'

export interface Pair {
  /** Paths of PEM files. */
  readonly certificate: string
  readonly key: string
}

/** A new authority. */
export async function makeAuthority(directory: string): Promise<Pair> {
  const [certificate, key] = ['ca.crt', 'ca.key'].map(name => path.join(directory, name))
  if (certificate === undefined || key === undefined) throw new Error('no names')
  fs.mkdirSync(directory, { recursive: true })
  await must('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-nodes', '-days', '2', '-subj', '/CN=test authority'],
    ...['-keyout', key, '-out', certificate],
  ])
  return { certificate, key }
}

/** A certificate of the authority's, for servers of these names or for a client. */
export async function sign(
  authority: Pair,
  name: string,
  alternatives: readonly string[] = [],
): Promise<Pair> {
  const base = path.join(path.dirname(authority.certificate), name)
  const extensions = `${base}.ext`
  const names = alternatives.length === 0 ? ['DNS:client'] : alternatives
  fs.writeFileSync(extensions, `subjectAltName=${names.join(',')}\n`)
  await must('openssl', [
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${name}`, '-keyout', `${base}.key`, '-out', `${base}.csr`],
  ])
  await must('openssl', [
    ...['x509', '-req', '-days', '2', '-in', `${base}.csr`, '-extfile', extensions],
    ...['-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial'],
    ...['-out', `${base}.crt`],
  ])
  return { certificate: `${base}.crt`, key: `${base}.key` }
}
