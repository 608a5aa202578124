// Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY as Docker has
// them, which is Go's reading (golang.org/x/net/http/httpproxy): a bare name stands for its
// subdomains too, addresses may be given as networks, and the loopback is never proxied. The npm
// packages for it know neither. Pure.
import { BlockList, isIP } from 'node:net'
import { ImageError } from '../model/errors.js'

export type Variables = Readonly<Record<string, string | undefined>>

/** The proxy for a URL; undefined for a direct connection. @throws ImageError `invalid`. */
export function proxyFor(url: URL, variables: Variables): URL | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  if (isLoopback(host) || isExcluded(host, port, of(variables, 'NO_PROXY') ?? ''))
    return undefined
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const written = of(variables, name) ?? of(variables, 'ALL_PROXY')
  return written === undefined ? undefined : parseProxy(name, written)
}

function parseProxy(name: string, written: string): URL {
  const text = written.includes('://') ? written : `http://${written}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new ImageError('invalid', `${name} is no http:// or https:// URL`)
  return url
}

/** The lower-case spelling wins, as in curl. */
function of(variables: Variables, name: string): string | undefined {
  const value = variables[name.toLowerCase()] ?? variables[name]
  return value === '' ? undefined : value
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

function isLoopback(host: string): boolean {
  return host === 'localhost' || isIn(loopback, host)
}

function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host)
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

function isExcluded(host: string, port: string, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[,\s]+/)
    .filter(entry => entry !== '')
    .some(entry => matches(entry, host, port))
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isIn(network(entry), host)
  const ported = /^(.*[^:]):(\d+)$/.exec(entry)
  if (ported !== null && isIP(entry) === 0 && ported[2] !== port) return false
  const name = (isIP(entry) !== 0 ? entry : (ported?.[1] ?? entry)).replace(
    /^\[|\]$/g,
    '',
  )
  if (isIP(name) !== 0) return name === host
  const suffix = name.replace(/^\*?\.?/, '')
  const whole = !/^\*?\./.test(name) && host === suffix
  return whole || host.endsWith(`.${suffix}`)
}

/** An unreadable network holds nobody, as in Go. */
function network(entry: string): BlockList {
  const list = new BlockList()
  const [address = '', bits = ''] = entry.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  if (family !== 0 && /^\d+$/.test(bits) && Number(bits) <= most)
    list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  return list
}
