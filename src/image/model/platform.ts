// Platforms of an index's manifests, and the choice among them (OCI image-index.md, "platform";
// the names are Go's GOOS and GOARCH).
import { ImageError } from './errors.js'

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  mips64el: 'mips64le',
  loong64: 'loong64',
}

/** Other spellings that `--platform` takes, as containerd's `normalizeArch` does. */
const ALIASES: Readonly<Record<string, Pick<Platform, 'architecture' | 'variant'>>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
}

/** The platform that this machine runs. */
export function hostPlatform(): Platform {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch
  return { os: 'linux', architecture }
}

/** `OS/ARCH[/VARIANT]` or `ARCH`, as `--platform` has it. @throws ImageError `invalid`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/')
  if (parts.length > 3 || parts.some(part => !/^[a-z0-9_.-]+$/.test(part)))
    throw new ImageError('invalid', `platform '${text}': write OS/ARCH[/VARIANT]`)
  const [os = '', arch = '', variant] =
    parts.length === 1 ? ['linux', parts[0] ?? ''] : parts
  const alias = ALIASES[arch] ?? { architecture: arch }
  const chosen = variant ?? alias.variant
  return {
    os,
    architecture: alias.architecture,
    ...(chosen === undefined ? {} : { variant: chosen }),
  }
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/**
 * How well what is offered serves what is wanted: 0 not at all, more is better. A machine of a
 * variant runs the lower ones of its architecture (arm v7 runs v6).
 */
export function platformFit(offered: Platform, wanted: Platform): number {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return 0
  const [have, want] = [variantNumber(offered), variantNumber(wanted)]
  if (have === want) return 100
  if (wanted.variant === undefined) return 50 - have
  return have < want ? 50 + have : 0
}

/** v8 is what arm64 is when nothing is said, v7 what arm is (containerd's `normalizeArch`). */
function variantNumber({ architecture, variant }: Platform): number {
  const shown = variant ?? { arm64: 'v8', arm: 'v7' }[architecture] ?? 'v0'
  return Number(/^v?(\d+)/.exec(shown)?.[1] ?? 0)
}
