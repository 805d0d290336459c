import type { Random } from '../../src/random.ts'
import type { Format } from './format.ts'
import { mutate } from './mutate.ts'
import { mutateJson, mutateJsonLines } from './mutate-json.ts'

/** One in so many mutants is its original cut short. */
const CUT_EVERY = 8

/** Returns mutant `number` of a format's file, and whether it is the original cut short. */
export function mutantOf(
  { json }: Format,
  original: Uint8Array,
  number: number,
  random: Random,
): { readonly bytes: Uint8Array; readonly cut: boolean } {
  if (number % CUT_EVERY === 0) return { bytes: original.subarray(0, random.below(original.length)), cut: true }
  if (json && number % 2 === 0) {
    const text = new TextDecoder().decode(original)
    const change = json === 'whole' ? mutateJson : mutateJsonLines
    return { bytes: new TextEncoder().encode(change(text, random)), cut: false }
  }
  return { bytes: mutate(original, random), cut: false }
}
