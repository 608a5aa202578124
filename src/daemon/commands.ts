// POST /v1/commands: a command line that plyfs's launcher hands over, with what it was called with. It
// is answered by frames, as the monitor of a container sends them: a letter, three zero bytes, a
// length (32 bits, big endian) and as many bytes; `o` and `e` for the standard output and error, `a`
// to join a container, `x` the exit status.
import type { ServerResponse } from 'node:http'
import { VERSION } from '../mount/version.js'
import { ApiError } from './api-error.js'
import type { ApiAnswer, ApiRequest } from './http-server.js'
import { sharesOurView } from './peer.js'

/** Names are bytes, the environment is text. */
export interface CommandCall {
  /** The name that the command was called by. */
  readonly name: string
  readonly words: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Which of its standard input, output and error are terminals. */
  readonly terminals: readonly [boolean, boolean, boolean]
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
}

/** What the caller is told while its command is done. */
export interface Caller {
  print(text: string): void
  complain(text: string): void
  /** Has it join a container, in that folder; `letters` as the monitor's flags. */
  join(folder: string, letters: string): void
}

/**
 * Does a command; the exit status. Throws `declined` for one that is the caller's own to do; nothing
 * has been done or said then.
 */
export type RunCommand = (call: CommandCall, caller: Caller) => Promise<number>

/** 421: the launcher goes on by itself. */
export function declined(why: string): ApiError {
  return new ApiError(421, 'declined', why)
}

export function routeCommand(run: RunCommand, request: ApiRequest): ApiAnswer {
  if (!sharesOurView(request.peer.pid)) throw declined('it comes from another namespace')
  const call = readCall(request)
  return {
    stream: async response => {
      const caller = new FramedCaller(response)
      const status = await run(call, caller)
      caller.exit(status)
    },
  }
}

/** NUL-terminated: version, name, terminals, directory, count of words, the words, the environment. */
function readCall({ body, signal }: ApiRequest): CommandCall {
  const fields = body.toString('latin1').split('\0')
  if (fields.pop() !== '') throw new ApiError(400, 'invalid', 'the command is cut off')
  const [version, name = '', terminals = '', cwd = '', count = ''] = fields
  if (version !== VERSION) throw declined(`this is plyfs ${VERSION}`)
  const [input, output, error] = terminals.split('')
  const rest = fields.slice(5)
  const words = rest.slice(0, Number(count))
  if (words.length !== Number(count) || !cwd.startsWith('/'))
    throw new ApiError(400, 'invalid', 'the command is malformed')
  // Text, as Node has its own environment.
  const env = rest.slice(words.length).map((one): [string, string] => {
    const text = Buffer.from(one, 'latin1').toString('utf8')
    const equals = text.indexOf('=', 1)
    return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
  })
  return {
    ...{ name, words, cwd, env: Object.fromEntries(env), signal },
    terminals: [input === 't', output === 't', error === 't'],
  }
}

class FramedCaller implements Caller {
  private readonly response: ServerResponse

  constructor(response: ServerResponse) {
    this.response = response
  }

  print(text: string): void {
    this.frame('o', text)
  }

  complain(text: string): void {
    this.frame('e', text)
  }

  join(folder: string, letters: string): void {
    this.frame('a', `${letters}\0${folder}`)
  }

  exit(status: number): void {
    this.frame('x', String(status))
    this.response.end()
  }

  private frame(letter: string, text: string): void {
    if (this.response.destroyed) return
    const head = Buffer.alloc(8)
    head.write(letter, 'latin1')
    head.writeUInt32BE(text.length, 4)
    this.response.write(Buffer.concat([head, Buffer.from(text, 'latin1')]))
  }
}
