// Reads mutants of one format, and says for each when it begins and how it ended. Run by mutations.ts.
// Usage: tsx scripts/faults/worker.ts <format> <folder> <seed> <first> <end>
import { basename, dirname, join } from 'node:path'
import { UserError } from '../../src/errors.ts'
import { Random } from '../../src/random.ts'
import { equal, place } from './format.ts'
import { FORMATS } from './formats/index.ts'
import { mutantOf } from './mutant.ts'

const [name, folder, seed, first, end] = process.argv.slice(2) as [string, string, string, string, string]
const format = FORMATS.find((each) => each.name === name)!
const originals = await format.originals(folder)
const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

/** Why an error is a fault: it is not one that the user can read, or it does not name the file. */
function faultOf(error: unknown, path: string): string | undefined {
  if (!(error instanceof UserError)) return `${(error as Error)?.stack ?? error}`.split('\n').slice(0, 3).join(' | ')
  const named =
    error.message.includes(path) || [dirname(path), basename(path)].every((each) => error.message.includes(each))
  return format.unnamed || named ? undefined : `the file is not named: ${error.message}`
}

const right: unknown[] = []
for (const original of originals) right.push(await format.read(await place(folder, format, original)))

for (let number = Number(first); number < Number(end); number++) {
  const which = number % originals.length
  const original = originals[which]!
  const index = Math.floor(number / originals.length)
  const { bytes, cut } = mutantOf(format, original, index, new Random(Number(seed), number))
  const path = await place(join(folder, 'mutant'), format, bytes)
  say({ begin: number })
  const { fault, accepted } = await format.read(path).then(
    (result) => ({ accepted: true, fault: wrong({ bytes, original, cut }, result, right[which]) }),
    (error) => ({ accepted: false, fault: faultOf(error, path) }),
  )
  say({ end: number, accepted, ...(fault !== undefined && { fault }) })
}

/** What is wrong with the result of a mutant. */
function wrong(
  { cut, ...mutant }: { bytes: Uint8Array; original: Uint8Array; cut: boolean },
  result: unknown,
  expected: unknown,
): string | undefined {
  if (cut && !format.lines && !equal(result, expected)) return `cut after ${mutant.bytes.length} bytes, it is read`
  return format.wrong?.(mutant, result, expected)
}
