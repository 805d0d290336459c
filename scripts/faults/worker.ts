// Reads mutants of one format, and says for each when it begins and how it ended. Run by mutations.ts.
// Usage: tsx scripts/faults/worker.ts <format> <folder> <seed> <first> <end>
import { join } from 'node:path'
import { UserError } from '../../src/errors.ts'
import { Random } from '../../src/random.ts'
import { FORMATS, place } from './formats.ts'
import { mutate } from './mutate.ts'

const [name, folder, seed, first, end] = process.argv.slice(2) as [string, string, string, string, string]
const format = FORMATS.find((each) => each.name === name)!
const original = await format.make(folder)
const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

/** Why an error is a fault: it is not one that the user can read, or it does not name the file. */
function faultOf(error: unknown, path: string): string | undefined {
  if (!(error instanceof UserError)) return `${(error as Error)?.stack ?? error}`.split('\n').slice(0, 3).join(' | ')
  return format.unnamed || error.message.includes(path) ? undefined : `the file is not named: ${error.message}`
}

await format.read(await place(folder, format, original)) // the original is right
for (let number = Number(first); number < Number(end); number++) {
  const path = await place(join(folder, 'mutant'), format, mutate(original, new Random(Number(seed), number)))
  say({ begin: number })
  const fault = await format.read(path).then(
    () => undefined,
    (error) => faultOf(error, path),
  )
  say({ end: number, ...(fault !== undefined && { fault }) })
}
