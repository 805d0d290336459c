import { expect, test } from 'vitest'
import { differences } from '../../scripts/faults/commands.ts'
import { disagreement, equal } from '../../scripts/faults/format.ts'
import { mutantOf } from '../../scripts/faults/mutant.ts'
import { mutateJson } from '../../scripts/faults/mutate-json.ts'
import { Random } from '../../src/random.ts'

const text = JSON.stringify({ words: ['a', 'b'], count: 2, inner: { list: [1, 2, 3] } })
const format = { name: 'x', file: 'x.json', originals: async () => [], read: async () => {}, json: 'whole' } as const

test('mutants are a function of the seed, differ from each other, and leave the original as it is', () => {
  const original = Buffer.from(text) // slice() of a Buffer shares its memory
  const mutants = Array.from({ length: 200 }, (_, i) => mutantOf(format, original, i, new Random(5, i)))
  expect(original.toString()).toBe(text)
  const again = mutantOf(format, original, 7, new Random(5, 7))
  expect(Buffer.from(again.bytes).equals(Buffer.from(mutants[7]!.bytes))).toBe(true)
  expect(new Set(mutants.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))).size).toBeGreaterThan(150)
  for (const { cut, bytes } of mutants) if (cut) expect(text.startsWith(Buffer.from(bytes).toString())).toBe(true)
})

test('most mutants of JSON by its structure are JSON, and few say the same', () => {
  const mutants = Array.from({ length: 300 }, (_, i) => mutateJson(text, new Random(1, i)))
  const parse = (mutant: string): unknown => {
    try {
      return JSON.parse(mutant)
    } catch {
      return undefined
    }
  }
  expect(mutants.filter((mutant) => parse(mutant) !== undefined).length).toBeGreaterThan(270)
  expect(mutants.filter((mutant) => mutant === text).length).toBeLessThan(30)
})

test('disagreement() names a value that two JSON values have and that differs', () => {
  expect(disagreement({ a: [1, { b: 2 }], c: 1 }, { a: [1, { b: 3 }] })).toBe('.a.1.b')
  expect(disagreement({ a: [1, { b: 2 }], c: 1 }, { a: [1, { b: 2 }], d: 1 })).toBeUndefined()
  expect(disagreement({ a: [1] }, { a: [1, 2] })).toBe('.a')
})

test('differences() names files that are left over, missing, or have other bytes', () => {
  const right = new Map(Object.entries({ a: '1', b: '2', c: '3' }))
  expect(differences(right, new Map(Object.entries({ a: '1', b: '0', d: '4' })))).toEqual([
    'b has other bytes',
    'c is missing',
    'd is left over',
  ])
  expect(differences(right, right)).toEqual([])
})

test('equal() compares values, and not how they are kept in memory', () => {
  const kept = (first: number): { n: number } => {
    const object = { n: first }
    object.n = 8
    return object
  }
  expect(equal(kept(0.5), kept(1))).toBe(true) // one is a double, the other a small integer
  expect(equal({ data: Float32Array.of(Number.NaN) }, { data: Float32Array.of(Number.NaN) })).toBe(true)
  expect(equal({ data: Float32Array.of(1) }, { data: Float32Array.of(2) })).toBe(false)
  expect(equal(new Map([['a', 1]]), new Map([['a', 2]]))).toBe(false)
})
