// Names for containers that were given none: two words that people can say.
import { randomInt } from 'node:crypto'

const HOW = [
  ...[
    'able',
    'amber',
    'bold',
    'brave',
    'brisk',
    'calm',
    'clever',
    'crisp',
    'eager',
    'fair',
  ],
  ...[
    'fleet',
    'gentle',
    'glad',
    'grand',
    'green',
    'hardy',
    'keen',
    'kind',
    'lively',
    'lucid',
  ],
  ...[
    'merry',
    'mild',
    'neat',
    'noble',
    'plain',
    'proud',
    'quick',
    'quiet',
    'sharp',
    'solid',
  ],
  ...[
    'steady',
    'sunny',
    'swift',
    'tidy',
    'upright',
    'vivid',
    'warm',
    'wise',
    'witty',
    'young',
  ],
]

const WHO = [
  ...[
    'badger',
    'beaver',
    'bison',
    'crane',
    'curlew',
    'deer',
    'dipper',
    'eagle',
    'falcon',
  ],
  ...[
    'ferret',
    'finch',
    'fox',
    'gannet',
    'hare',
    'heron',
    'ibex',
    'jay',
    'kestrel',
    'kite',
  ],
  ...[
    'lark',
    'lynx',
    'marten',
    'mole',
    'newt',
    'otter',
    'owl',
    'plover',
    'puffin',
    'raven',
  ],
  ...[
    'robin',
    'seal',
    'shrew',
    'stoat',
    'swan',
    'swift',
    'tern',
    'thrush',
    'vole',
    'wren',
  ],
]

/** 15 million of them. */
export function freshName(): string {
  const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? ''
  return `${pick(HOW)}-${pick(WHO)}-${randomInt(10_000)}`
}
