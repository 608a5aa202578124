// Docker's spellings of options that are true or false, as Commander takes them.
import { Command } from 'commander'
import t from 'tap'
import { withoutBooleanValues } from '../../../src/cli/boolean-words.js'

const program = new Command('plyfs').exitOverride()
program.configureOutput({ writeErr: () => undefined })
program
  .command('run <image> [command...]')
  .option('-i, --interactive')
  .option('-t, --tty')
  .option('-e, --env <variable>')
  .option('--rm')
program.command('commit <container> [name]').option('-p, --pause').option('--no-pause')
program.command('ps').option('--no-trunc').option('-q, --quiet')
program.command('image').command('prune').option('-f, --force')

const CASES: readonly [given: string, taken: string][] = [
  ['run --rm=true box', 'run --rm box'],
  ['run --rm=false box', 'run box'],
  ['run -it=false box', 'run -i box'],
  ['run -i=0 -t=1 box', 'run -t box'],
  ['run -e A=true box', 'run -e A=true box'],
  ['run -e=true box', 'run -e=true box'],
  ['run -ie --rm=false box', 'run -ie --rm=false box'],
  ['run --env --rm=false box', 'run --env --rm=false box'],
  ['run --env=--rm=false box', 'run --env=--rm=false box'],
  ['run box program --rm=false', 'run box program --rm=false'],
  ['run -- box', 'run -- box'],
  ['run --other=true -x=1 box', 'run --other=true -x=1 box'],
  ['commit -p box name', 'commit -p box name'],
  ['commit -p=false box', 'commit --no-pause box'],
  ['commit box --pause=f', 'commit box --no-pause'],
  ['commit --no-pause=true box', 'commit --no-pause box'],
  ['ps --no-trunc=true -q', 'ps --no-trunc -q'],
  ['ps --no-trunc=false', 'ps'],
  ['image prune -f=true', 'image prune -f'],
  ['image prune -f=false', 'image prune'],
  ['nothing --of=true', 'nothing --of=true'],
]

for (const [given, taken] of CASES) {
  t.same(withoutBooleanValues(program, given.split(' ')), taken.split(' '), given)
}

t.throws(
  () => withoutBooleanValues(program, ['commit', '-p=perhaps', 'box']),
  /'perhaps' of -p is neither true nor false/,
)
