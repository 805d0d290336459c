import { expect, test } from 'vitest'
import { checkMentions, mentionsOf, scoreNaming } from '../../src/quickstart/naming.ts'
import type { Scene } from '../../src/quickstart/scene.ts'

const scene: Scene = {
  place: 'grass',
  side: 'left',
  objects: [
    { thing: 'dog', colour: 'red', size: 'big' },
    { thing: 'car', colour: 'blue', size: 'small' },
  ],
}

test('mentionsOf() finds things with the colour before them, and no names of Object.prototype', () => {
  expect(mentionsOf('a big red dog and a car on the constructor')).toEqual([
    { thing: 'dog', colour: 'red', index: 3 },
    { thing: 'car', colour: undefined, index: 6 },
  ])
})

test('scoreNaming() counts things, things in their colour, and things that are not in the scene', () => {
  const scores = (caption: string) => scoreNaming(new Map([['1', scene]]), new Map([['1', caption]]))
  expect(scores('a red dog and a blue car')).toEqual({ recall: 1, colourRecall: 1, hallucinated: 0 })
  expect(scores('a blue dog and a red tree')).toEqual({ recall: 0.5, colourRecall: 0, hallucinated: 0.5 })
  expect(scores('')).toEqual({ recall: 0, colourRecall: 0, hallucinated: 0 })
})

test('checkMentions() splits a caption at its mentions: wrong are other things and other colours', () => {
  expect(checkMentions('a big red dog next to a car and a red car', scene)).toEqual([
    { text: 'a big' },
    { text: 'red dog', correct: true },
    { text: 'next to a' },
    { text: 'car', correct: true },
    { text: 'and a' },
    { text: 'red car', correct: false },
  ])
  expect(checkMentions('green tree', scene)).toEqual([{ text: 'green tree', correct: false }])
  expect(checkMentions('', scene)).toEqual([])
})
