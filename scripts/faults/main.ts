// Reads mutants of every format, and kills trainings at random moments. A mutant must be read or refused by an error
// that names the file: no other error, no signal, within 2 s and 1 GiB. A killed run must end with the bytes of one that
// was not killed, and leave no files behind. Exits with 1 if there is a fault.
// Usage: npm run faults [-- --mutants 10000] [-- --kills 200] [-- --seed 1] [-- --only npy]
import { parseArgs } from 'node:util'
import { FORMATS } from './formats/index.ts'
import { killTraining } from './kills.ts'
import { readMutants } from './mutations.ts'

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})
const [mutants, kills, seed] = [Number(values.mutants), Number(values.kills), Number(values.seed)]
/** Faults of a kind that are printed. */
const SHOWN = 5

let count = 0
if (mutants > 0)
  for (const { name } of FORMATS.filter(({ name }) => name.includes(values.only))) {
    const { faults, accepted } = await readMutants(name, seed, mutants)
    count += faults.length
    console.log(`${name}: ${mutants} mutants, ${accepted} read, ${faults.length} faults`)
    for (const { mutant, what } of faults.slice(0, SHOWN)) console.log(`  mutant ${mutant}: ${what}`)
  }
if (kills > 0 && 'training'.includes(values.only)) {
  const faults = await killTraining(kills, seed)
  count += faults.length
  console.log(`training: ${kills} kills, ${faults.length} faults`)
  for (const fault of faults.slice(0, SHOWN)) console.log(`  ${fault}`)
}
process.exitCode = count > 0 ? 1 : 0
