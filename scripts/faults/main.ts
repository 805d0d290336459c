// Reads mutants of every format, kills every long command at random moments, and gives it full disks and the like.
// A mutant must be read, or refused by an error that names the file: no other error, no signal, no wrong result, within
// 2 s and 1 GiB. A killed command that is run again must end with the bytes of one that was not killed, and leave no
// files behind. Exits with 1 if there is a fault.
// Usage: npm run faults -- [--mutants 10000] [--kills 200] [--surroundings] [--seed 1] [--only npy,zip]
// --only tries the formats and commands with one of these texts in their names. The kills are shared out among the
// commands; with --only each command gets all. Without options it is the short form.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from '../../src/random.ts'
import { serveArchive } from './archive.ts'
import { LONG_COMMANDS, type LongCommand, makeWorld } from './commands.ts'
import { FORMATS } from './formats/index.ts'
import { inFolder, killCommand } from './kills.ts'
import { readMutants } from './mutations.ts'
import { trySurroundings } from './surroundings.ts'

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '50' },
    kills: { type: 'string', default: '13' },
    seed: { type: 'string', default: '1' },
    surroundings: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const [mutants, kills, seed] = [Number(values.mutants), Number(values.kills), Number(values.seed)]
const asked = ({ name }: { readonly name: string }): boolean =>
  values.only.split(',').some((part) => name.includes(part))
/** Faults of a kind that are printed. */
const SHOWN = 5

let count = 0
function report(what: string, faults: readonly string[]): void {
  count += faults.length
  console.log(`${what}, ${faults.length} faults`)
  for (const fault of faults.slice(0, SHOWN)) console.log(`  ${fault}`)
}

for (const { name } of mutants > 0 ? FORMATS.filter(asked) : []) {
  const { faults, accepted } = await readMutants(name, seed, mutants)
  report(
    `${name}: ${mutants} mutants, ${accepted} read`,
    faults.map(({ mutant, what }) => `mutant ${mutant}: ${what}`),
  )
}
/** Runs `work` on each long command that is asked for, and the others to their end: later ones need what they write. */
async function eachCommand(work: (command: LongCommand, i: number, folder: string) => Promise<void>): Promise<void> {
  const last = LONG_COMMANDS.findLastIndex(asked)
  await inFolder(async (base) => {
    const folder = join(base, 'world')
    await makeWorld(folder)
    const close = await serveArchive()
    for (const [i, command] of LONG_COMMANDS.slice(0, last + 1).entries())
      if (asked(command)) await work(command, i, folder)
      else await command.start(folder).ended
    close()
  })
}

const share = (i: number): number => Math.floor((i * kills) / LONG_COMMANDS.length)
if (kills > 0)
  await eachCommand(async (command, i, folder) => {
    const mine = values.only === '' ? share(i + 1) - share(i) : kills
    const faults = await killCommand(command, { folder, kills: mine, random: new Random(seed, i) })
    report(`${command.name}: ${mine} kills`, faults)
  })
if (values.surroundings)
  await eachCommand(async (command, i, folder) => {
    for (const [name, faults] of await trySurroundings(command, folder, new Random(seed, i, 1)))
      report(`${command.name}: ${name}`, faults)
  })
process.exitCode = count > 0 ? 1 : 0
