// The flags of mount(2) by the words that fusermount3 and mount tables use. Pure.
import {
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from '../sys/constants.js'

const WORDS: readonly (readonly [number, string])[] = [
  [MS_RDONLY, 'ro'],
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_SYNCHRONOUS, 'sync'],
  [MS_DIRSYNC, 'dirsync'],
  [MS_NOSYMFOLLOW, 'nosymfollow'],
  [MS_NOATIME, 'noatime'],
  [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'],
  [MS_STRICTATIME, 'strictatime'],
  [MS_LAZYTIME, 'lazytime'],
]

/** The words of the bits that are set. */
export function wordsOfFlags(flags: number): string[] {
  return WORDS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word)
}

/** The bits of the words that are known; others do not count. */
export function flagsOfWords(words: readonly string[]): number {
  return WORDS.reduce((sum, [bit, word]) => (words.includes(word) ? sum | bit : sum), 0)
}
