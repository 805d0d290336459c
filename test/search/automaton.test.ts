import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MOST_STATES, type Requirement, requirementAutomaton } from '../../src/search/automaton.ts'

const sequence = fc.array(fc.integer({ min: 4, max: 6 }), { minLength: 1, maxLength: 3 })
const requirement = fc.array(sequence, { minLength: 1, maxLength: 3 })

/** How many requirements a caption meets, by looking for each sequence at each place. */
const metIn = (caption: readonly number[], requirements: readonly Requirement[]): number =>
  requirements.filter((sequences) =>
    sequences.some((words) => caption.some((_, start) => words.every((word, i) => caption[start + i] === word))),
  ).length

test('counts the requirements that a caption meets, as looking for each sequence does', () => {
  fc.assert(
    fc.property(
      fc.array(requirement, { maxLength: 3 }),
      fc.array(fc.integer({ min: 3, max: 7 }), { maxLength: 12 }),
      (requirements, caption) => {
        const automaton = requirementAutomaton(requirements)
        const state = caption.reduce((at, word) => automaton.next(at, word), 0)
        expect(automaton.met(state)).toBe(metIn(caption, requirements))
        expect(state).toBeLessThan(automaton.states)
      },
    ),
    { seed: 1, numRuns: 500 },
  )
})

test('single words make a state for each set of met requirements; no more states than are reached', () => {
  expect(requirementAutomaton([]).states).toBe(1)
  expect(requirementAutomaton([[[4], [5]], [[6]]]).states).toBe(4)
  expect(requirementAutomaton([[[4]], [[4]]]).states).toBe(2) // one word meets both
  expect(requirementAutomaton([[[4, 5]]]).states).toBe(3)
})

test('requirements without words, and too many, are refused', () => {
  expect(() => requirementAutomaton([[]])).toThrow('Cannot require nothing: each requirement needs a word')
  expect(() => requirementAutomaton([[[4], []]])).toThrow(RangeError)
  const nine = Array.from({ length: 9 }, (_, i) => [[4 + i]])
  expect(() => requirementAutomaton(nine)).toThrow(`9 requirements need more than ${MOST_STATES} states`)
})
