// Looks at what a storm has left: `check.js PLAY ROOT`, the reports on stdin, findings on stdout.
// A process of its own, since a test never touches what it has mounted itself.
import { readFileSync } from 'node:fs'
import type { Report } from './actor.js'
import { STORMS } from './plays.js'

const [name = '', root = ''] = process.argv.slice(2)
const reports = JSON.parse(readFileSync(0, 'utf8')) as Report[]
const storm = STORMS.find(each => each.name === name)
if (!storm) throw new Error(`no storm ${name}`)
process.stdout.write(JSON.stringify(storm.check(root, reports).slice(0, 30)))
