import { expect, test } from 'vitest'
import { namedIn, namedRight } from '../../src/quickstart/right.ts'
import type { Scene } from '../../src/quickstart/scene.ts'

const scene: Scene = {
  place: 'grass',
  side: 'left',
  objects: [
    { thing: 'dog', colour: 'red', size: 'big' },
    { thing: 'car', colour: 'blue', size: 'small' },
  ],
}

test('things are found in a caption with the colour before them', () => {
  expect(namedIn('a big red dog and a car on the grass')).toEqual([
    { thing: 'dog', colour: 'red' },
    { thing: 'car', colour: undefined },
  ])
})

test('captions are held against what is there: things, their colours, things that are not there', () => {
  const right = (caption: string) => namedRight(new Map([['1', scene]]), new Map([['1', caption]]))
  expect(right('a red dog and a blue car')).toEqual({ things: 1, coloured: 1, invented: 0 })
  expect(right('a blue dog and a red tree')).toEqual({ things: 0.5, coloured: 0, invented: 0.5 })
  expect(right('')).toEqual({ things: 0, coloured: 0, invented: 0 })
})
