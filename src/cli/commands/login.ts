// `plyfs login` and `plyfs logout`: credentials of registries. A password is read from a terminal
// without being shown, or from standard input; it is never printed.
import { text } from 'node:stream/consumers'
import { ImageError } from '../../image/model/errors.js'
import { login as logIn, logout as logOut, serverKey } from '../../image/login.js'
import { loadConfiguration } from '../../image/config/configuration.js'
import { currentEnvironment } from '../../image/config/environment.js'
import { Terminal } from '../ask.js'
import { asBytes, printError, printLine } from '../output.js'
import { withRegistries } from './registry-session.js'

export interface LoginFlags {
  readonly username?: string
  readonly password?: string
  readonly passwordStdin?: boolean
}

/** 0 when the registry took them and they are kept. Throws an ImageError. */
export async function login(
  server: string | undefined,
  flags: LoginFlags,
): Promise<number> {
  const key = serverKey(server)
  const { username, password } = await gather(flags)
  await withRegistries(false, async ({ network }) => {
    const place = await logIn(server, username, password, network)
    const where =
      'file' in place
        ? place.file
        : `the credential helper docker-credential-${place.helper}`
    printLine(asBytes(`Login Succeeded\n${key}: kept in ${where}`))
  })
  return 0
}

async function gather(
  flags: LoginFlags,
): Promise<{ username: string; password: string }> {
  if (flags.passwordStdin === true) {
    if (flags.password !== undefined)
      throw new ImageError(
        'invalid',
        '--password and --password-stdin exclude each other',
      )
    if (flags.username === undefined)
      throw new ImageError('invalid', '--password-stdin needs -u NAME')
    const password = (await text(process.stdin)).replace(/\r?\n$/, '')
    return { username: asText(flags.username), password }
  }
  if (flags.username === undefined || flags.password === undefined)
    return atTerminal(flags)
  printError(
    'plyfs: a password on the command line is seen by others; --password-stdin is safer',
  )
  return { username: asText(flags.username), password: asText(flags.password) }
}

async function atTerminal({
  username,
  password,
}: LoginFlags): Promise<{ username: string; password: string }> {
  const terminal = Terminal.open('use -u and --password-stdin')
  try {
    return {
      username:
        username === undefined ? await terminal.ask('Username: ') : asText(username),
      password:
        password === undefined
          ? await terminal.askSecret('Password: ')
          : asText(password),
    }
  } finally {
    terminal.close()
  }
}

/** Arguments are bytes; names and passwords are sent as UTF-8. */
function asText(argument: string): string {
  return Buffer.from(argument, 'latin1').toString('utf8')
}

/** 0, or 1 when another program's file still has credentials. Throws an ImageError. */
export async function logout(server: string | undefined): Promise<number> {
  const environment = currentEnvironment()
  const settings = loadConfiguration(environment)
  const key = serverKey(server)
  const { removed, stillIn } = await logOut(server, environment, settings)
  printLine(removed ? `Removed login credentials for ${key}` : `Not logged in to ${key}`)
  if (stillIn === undefined) return 0
  printError(asBytes(`plyfs: ${stillIn} still has credentials for ${key}`))
  return 1
}
