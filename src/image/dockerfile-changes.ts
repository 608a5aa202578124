// The instructions that `import -c` takes (Dockerfile reference; `docker import --change` allows
// these). Pure: text to the `config` part of an image config.
import { ImageError } from './model/errors.js'
import { asStrings } from './model/json-shape.js'

/** The part of a config that a container runs with (OCI config.md, "config"). */
export interface RunConfig {
  User?: string
  ExposedPorts?: Record<string, object>
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  Volumes?: Record<string, object>
  WorkingDir?: string
  Labels?: Record<string, string>
  StopSignal?: string
  OnBuild?: string[]
  Healthcheck?: Healthcheck
}

interface Healthcheck {
  Test: string[]
  Interval?: number
  Timeout?: number
  StartPeriod?: number
  Retries?: number
}

/**
 * @param base what the instructions change; it stays as it is.
 * @throws ImageError `invalid` that names the instruction.
 */
export function applyChanges(
  changes: readonly string[],
  base: RunConfig = {},
): RunConfig {
  const config: RunConfig = { ...base }
  for (const change of changes) {
    const [, name = '', rest = ''] = /^\s*([A-Za-z]+)\s*([^]*?)\s*$/.exec(change) ?? []
    const instruction = INSTRUCTIONS[name.toUpperCase()]
    if (instruction === undefined)
      throw invalid(change, `use one of ${Object.keys(INSTRUCTIONS).join(', ')}`)
    if (rest === '') throw invalid(change, 'it needs an argument')
    instruction(config, rest, change)
  }
  return config
}

type Instruction = (config: RunConfig, rest: string, change: string) => void

const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  CMD: (config, rest) => {
    config.Cmd = command(rest)
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = command(rest)
  },
  ENV: (config, rest, change) => {
    for (const [key, value] of pairs(rest, change)) {
      const others = (config.Env ?? []).filter(one => !one.startsWith(`${key}=`))
      config.Env = [...others, `${key}=${value}`]
    }
  },
  LABEL: (config, rest, change) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, change)) }
  },
  EXPOSE: (config, rest, change) => {
    for (const port of rest.split(/\s+/)) {
      const [, number, protocol = 'tcp'] =
        /^(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(port) ?? []
      if (number === undefined) throw invalid(change, `'${port}' is no port`)
      config.ExposedPorts = {
        ...config.ExposedPorts,
        [`${number}/${protocol.toLowerCase()}`]: {},
      }
    }
  },
  VOLUME: (config, rest) => {
    for (const path of listOr(rest, text => splitWords(text)))
      config.Volumes = { ...config.Volumes, [path]: {} }
  },
  USER: (config, rest) => {
    config.User = rest
  },
  WORKDIR: (config, rest) => {
    const base = config.WorkingDir ?? '/'
    config.WorkingDir = rest.startsWith('/') ? rest : `${base.replace(/\/$/, '')}/${rest}`
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = rest
  },
  ONBUILD: (config, rest) => {
    config.OnBuild = [...(config.OnBuild ?? []), rest]
  },
  HEALTHCHECK: (config, rest, change) => {
    config.Healthcheck = healthcheck(rest, change)
  },
}

/** A JSON list as it is, anything else for a shell. */
function command(rest: string): string[] {
  return listOr(rest, text => ['/bin/sh', '-c', text])
}

function listOr(rest: string, otherwise: (text: string) => string[]): string[] {
  if (!rest.startsWith('[')) return otherwise(rest)
  try {
    return [...asStrings(JSON.parse(rest), 'list')]
  } catch {
    // As the Dockerfile reference has it: what is no JSON list of strings is the shell form.
    return otherwise(rest)
  }
}

/** `KEY=VALUE ...` with quotes, or the old `KEY VALUE`. */
function pairs(rest: string, change: string): [string, string][] {
  const words = splitWords(rest)
  const [first = ''] = words
  if (!first.includes('=')) {
    const [, key, value] = /^(\S+)\s+([^]*)$/.exec(rest) ?? []
    if (key === undefined || value === undefined) throw invalid(change, 'write KEY=VALUE')
    return [[key, value]]
  }
  return words.map(word => {
    const equals = word.indexOf('=')
    if (equals < 1) throw invalid(change, `'${word}' is no KEY=VALUE`)
    return [word.slice(0, equals), word.slice(equals + 1)]
  })
}

/** Words at blanks; quotes and backslashes keep blanks inside and are taken away. */
function splitWords(text: string): string[] {
  const words: string[] = []
  const piece = /\s+|"((?:\\[^]|[^"\\])*)"|'([^']*)'|\\([^])|([^\s"'\\]+)|([^])/g
  let word: string | null = null
  for (const [all, double, single, escaped, plain, odd] of text.matchAll(piece)) {
    if (/^\s/.test(all) && double === undefined && single === undefined) {
      if (word !== null) words.push(word)
      word = null
      continue
    }
    const unquoted = double?.replace(/\\(["\\$])/g, '$1')
    word = (word ?? '') + (unquoted ?? single ?? escaped ?? plain ?? odd ?? '')
  }
  return word === null ? words : [...words, word]
}

function healthcheck(rest: string, change: string): Healthcheck {
  if (/^none$/i.test(rest)) return { Test: ['NONE'] }
  const found: Omit<Healthcheck, 'Test'> = {}
  let left = rest
  for (;;) {
    const [whole, key, value] = /^--([a-z-]+)=(\S+)\s+/.exec(left) ?? []
    if (whole === undefined || key === undefined || value === undefined) break
    if (key === 'interval') found.Interval = nanoseconds(value, change)
    else if (key === 'timeout') found.Timeout = nanoseconds(value, change)
    else if (key === 'start-period') found.StartPeriod = nanoseconds(value, change)
    else if (key === 'retries' && /^\d+$/.test(value)) found.Retries = Number(value)
    else throw invalid(change, `--${key}=${value} is not known`)
    left = left.slice(whole.length)
  }
  const [, what] = /^CMD\s+([^]+)$/i.exec(left) ?? []
  if (what === undefined) throw invalid(change, 'write NONE or CMD and a command')
  const isList = what.startsWith('[')
  const test = listOr(what, text => [text])
  return { Test: [isList ? 'CMD' : 'CMD-SHELL', ...test], ...found }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** Go's durations: `1m30s`. */
function nanoseconds(text: string, change: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text))
    throw invalid(change, `'${text}' is no duration`)
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0),
    0,
  )
}

function invalid(change: string, why: string): ImageError {
  return new ImageError('invalid', `change '${change}': ${why}`)
}
