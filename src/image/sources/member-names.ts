// The members of an archive by their names, links between them followed. Of what a member is this
// knows nothing.

/** Links from link to link. */
const MAX_LINKS = 8

export class MemberNames<Member> {
  private readonly members = new Map<string, Member>()
  private readonly links = new Map<string, string>()

  get isEmpty(): boolean {
    return this.members.size === 0
  }

  all(): Iterable<readonly [name: string, member: Member]> {
    return this.members
  }

  allLinks(): Iterable<readonly [name: string, target: string]> {
    return this.links
  }

  /** A later duplicate wins, as when the archive is unpacked; returns the earlier one. */
  add(name: string, member: Member): Member | undefined {
    const before = this.members.get(name)
    this.links.delete(name)
    this.members.set(name, member)
    return before
  }

  /** @param target the whole name of what it leads to. */
  link(name: string, target: string): void {
    this.links.set(name, target)
  }

  find(name: string): Member | null {
    let at = normalName(name)
    for (let i = 0; i <= MAX_LINKS; i++) {
      const member = this.members.get(at)
      if (member !== undefined) return member
      const target = this.links.get(at) ?? this.throughFolder(at)
      if (target === undefined) return null
      at = target
    }
    return null
  }

  /** A link may stand for a folder: `ID -> ../OTHER`, asked for as `ID/layer.tar`. */
  private throughFolder(name: string): string | undefined {
    const slash = name.lastIndexOf('/')
    if (slash < 0) return undefined
    const folder = this.links.get(name.slice(0, slash))
    return folder === undefined ? undefined : folder + name.slice(slash)
  }
}

/** Without `.`, empty parts, and leading slashes; `..` climbs, at most to the top. */
export function normalName(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/** What a symbolic link of this name means. */
export function linkedName(name: string, target: string): string {
  if (target.startsWith('/')) return normalName(target)
  return normalName(`${name.slice(0, name.lastIndexOf('/') + 1)}${target}`)
}
