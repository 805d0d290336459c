// Reads mutants of every format, kills every long command at random moments, and gives it full disks and the like.
// A mutant must be read, or refused by an error that names the file: no other error, no signal, no wrong result, within
// 2 s and 1 GiB. A killed command that is run again must end with the bytes of one that was not killed, and leave no
// files behind. Exits with 1 if there is a fault.
// Usage: npm run faults [-- --mutants 10000] [-- --kills 200] [-- --seed 1] [-- --only npy]
// Without --mutants and --kills it is the short form.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from '../../src/random.ts'
import { serveArchive } from './archive.ts'
import { LONG_COMMANDS, makeWorld } from './commands.ts'
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
const asked = ({ name }: { readonly name: string }): boolean => name.includes(values.only)
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
if (kills > 0 && LONG_COMMANDS.some(asked))
  await inFolder(async (folder) => {
    await makeWorld(folder)
    const close = await serveArchive()
    for (const [i, command] of LONG_COMMANDS.entries()) {
      const mine = Math.floor(((i + 1) * kills) / LONG_COMMANDS.length) - Math.floor((i * kills) / LONG_COMMANDS.length)
      const random = new Random(seed, i)
      if (asked(command))
        report(`${command.name}: ${mine} kills`, await killCommand(command, { folder, kills: mine, random }))
      else await command.start(folder).ended // later commands need what it writes
    }
    close()
  })
if (values.surroundings && LONG_COMMANDS.some(asked))
  await inFolder(async (folder) => {
    const world = join(folder, 'world')
    await makeWorld(world)
    const close = await serveArchive()
    for (const [i, command] of LONG_COMMANDS.entries()) {
      if (!asked(command))
        await command.start(world).ended // later commands need what it writes
      else
        for (const [name, faults] of await trySurroundings(command, world, new Random(seed, i, 1)))
          report(`${command.name}: ${name}`, faults)
    }
    close()
  })
process.exitCode = count > 0 ? 1 : 0
