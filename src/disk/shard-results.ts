// The parts of a command that was called with --shard i/n, as by the jobs of an array, which share a file system. Each
// call leaves its results in a file, and the call that finds all of them puts them together.
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import type { Part, Sharing } from '../distributed/sharing.ts'
import { validate } from '../validate.ts'
import { readTextIfPresent, writeFileAtomic } from './files.ts'

const SCHEMA = v.object({ format: v.literal('mia-part/1'), of: v.string(), result: v.unknown() })
const ADVICE = 'delete it and run its part again'

/** What the parts make together, and how. */
export interface ShardResultsOptions {
  /** the file that the parts make; theirs are beside it */
  readonly target: string
  /** all that the results depend on: parts made with anything else do not count */
  readonly recipe: unknown
  readonly signal?: AbortSignal | undefined
}

/** The file of a part, as in `val-beam3.json.part-1-of-4.json`. */
const partFile = (target: string, index: number, parts: number): string =>
  join(dirname(target), `${basename(target)}.part-${index + 1}-of-${parts}.json`)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The sharing of `--shard i/n`. */
export function amongShards({ index, parts }: Part, { target, recipe, signal }: ShardResultsOptions): Sharing {
  const of = createHash('sha256').update(JSON.stringify(recipe)).digest('hex')
  const files = Array.from({ length: parts }, (_, part) => partFile(target, part, parts))
  return {
    part: { index, parts },
    signal,
    async collect<T>(work: (signal: AbortSignal | undefined) => Promise<T>) {
      const result = await work(signal)
      await writeFileAtomic(files[index]!, JSON.stringify({ format: 'mia-part/1', of, result }))
      const results: T[] = []
      for (const file of files) {
        const text = await readTextIfPresent(file, 'part')
        const part = text === undefined ? undefined : validate(SCHEMA, parsed(text), file, ADVICE)
        if (part?.of !== of) return undefined
        results.push(part.result as T)
      }
      return results
    },
    async finish() {
      for (const file of files) await rm(file, { force: true })
    },
  }
}
