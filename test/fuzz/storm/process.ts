// One process of a storm: `process.js PLAY ROOT NUMBER COUNT MILLISECONDS SEED`. Prints its report.
import { Random } from '../../../scripts/fuzzer/random.js'
import type { Actor, Report } from './actor.js'
import { STORMS } from './plays.js'

const [name = '', root = '', ...numbers] = process.argv.slice(2)
const [number = 0, count = 1, milliseconds = 1000, seed = 1] = numbers.map(Number)

const storm = STORMS.find(each => each.name === name)
if (!storm) throw new Error(`no storm ${name}`)
const wrong: string[] = []
const until = Date.now() + milliseconds
const actor: Actor = {
  number,
  count,
  root,
  random: new Random(seed * 1000 + number),
  going: () => Date.now() < until,
  wrong: what => {
    if (wrong.length < 20) wrong.push(what)
  },
}
let steps = 0
let account: string[] = []
try {
  const { step, account: tell } = storm.play(actor)
  while (actor.going() && wrong.length < 20) {
    step()
    steps++
  }
  account = tell()
} catch (error) {
  wrong.push(`it stopped: ${String(error)}`)
}
const report: Report = { steps, wrong, account }
process.stdout.write(JSON.stringify(report))
