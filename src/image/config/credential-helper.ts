// Programs `docker-credential-NAME` that keep secrets (the protocol of docker-credential-helpers):
// a verb as argument, the rest on standard input. Secrets never stand in arguments or messages.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { ImageError } from '../model/errors.js'
import { isObject } from '../model/json-shape.js'
import type { Credentials } from './auth-file.js'

/** What helpers keep an identity token under. */
const TOKEN_USER = '<token>'

/** @throws ImageError `invalid` when the helper fails for another reason than knowing none. */
export async function helperGet(
  helper: string,
  server: string,
): Promise<Credentials | undefined> {
  const { status, stdout, stderr } = await runHelper(helper, 'get', server)
  if (status !== 0) {
    const said = `${stdout}${stderr}`.trim()
    if (/not found|no credentials/i.test(said)) return undefined
    throw failed(helper, 'get', said)
  }
  const answer = parseAnswer(helper, stdout)
  if (answer.secret === '') return undefined
  return answer.user === TOKEN_USER
    ? { kind: 'identity-token', token: answer.secret }
    : { kind: 'password', user: answer.user, password: answer.secret }
}

/** @throws ImageError `invalid` when the helper fails. */
export async function helperStore(
  helper: string,
  server: string,
  credentials: Credentials,
): Promise<void> {
  const [Username, Secret] =
    credentials.kind === 'identity-token'
      ? [TOKEN_USER, credentials.token]
      : [credentials.user, credentials.password]
  const input = JSON.stringify({ ServerURL: server, Username, Secret })
  const { status, stdout, stderr } = await runHelper(helper, 'store', input)
  if (status !== 0) throw failed(helper, 'store', `${stdout}${stderr}`.trim())
}

/** Whether there was something to forget. @throws ImageError `invalid` when the helper fails. */
export async function helperErase(helper: string, server: string): Promise<boolean> {
  if ((await helperGet(helper, server)) === undefined) return false
  const { status, stdout, stderr } = await runHelper(helper, 'erase', server)
  if (status !== 0) throw failed(helper, 'erase', `${stdout}${stderr}`.trim())
  return true
}

function parseAnswer(helper: string, stdout: string): { user: string; secret: string } {
  try {
    const answer: unknown = JSON.parse(stdout)
    if (isObject(answer)) {
      const { Username, Secret } = answer
      if (typeof Username === 'string' && typeof Secret === 'string')
        return { user: Username, secret: Secret }
    }
  } catch (error) {
    throw new ImageError('invalid', `docker-credential-${helper}: no JSON`, {}, error)
  }
  throw new ImageError('invalid', `docker-credential-${helper}: no Username and Secret`)
}

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

async function runHelper(helper: string, verb: string, input: string): Promise<Ran> {
  const program = `docker-credential-${helper}`
  // A name with a slash would be a path of the configuration's author's choice.
  if (!/^[A-Za-z0-9._-]+$/.test(helper))
    throw new ImageError('invalid', `'${helper}' is no name of a credential helper`)
  const child = spawn(program, [verb], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', error => {
      reject(new ImageError('invalid', `cannot run ${program}`, {}, error))
    })
    child.on('close', resolve)
  })
  // A helper that does not read its input still has an answer.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [status, stdout, stderr] = await Promise.all([
    ended,
    text(child.stdout),
    text(child.stderr),
  ])
  return { status, stdout, stderr }
}

function failed(helper: string, verb: string, said: string): ImageError {
  const line = said.split('\n', 1)[0] ?? ''
  return new ImageError('invalid', `docker-credential-${helper} ${verb}: ${line}`)
}
