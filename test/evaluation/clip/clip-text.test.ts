import { expect, test } from 'vitest'
import { clipTokenizer } from '../../../src/evaluation/clip/clip-text.ts'
import { tinyClip, tinyIds } from './tiny-clip.ts'

const json = JSON.parse(tinyClip()['tokenizer.json'] as string)
const START = 62
const END = 63

test('clipTokenizer() splits words into the pairs that were merged first, between start and end', async () => {
  const encode = await clipTokenizer(json, 'tokenizer.json')
  // a</w> is 26; dog</w> is the second merge after 26 letters and 26 ends of words.
  expect(encode('A  Dog')).toEqual([START, 26, 53, END])
  expect(encode('photo')).toEqual([START, 55, 56, END]) // pho to</w>
  expect(encode('red zoo')).toEqual([START, 61, 25, 14, 40, END]) // red</w>, z o o</w>
  for (const text of ['A photo depicts a red cat', 'act act', 'dogs', ''])
    expect(encode(text), text).toEqual(tinyIds(text))
})

test('clipTokenizer() reads merges as pairs too, as newer files have them', async () => {
  const merges = json.model.merges.map((pair: string) => pair.split(' '))
  const encode = await clipTokenizer({ ...json, model: { ...json.model, merges } }, 'tokenizer.json')
  expect(encode('dog photo')).toEqual(tinyIds('dog photo'))
})

test('clipTokenizer() cuts a text to 77 tokens and keeps its end', async () => {
  const encode = await clipTokenizer(json, 'tokenizer.json')
  const ids = encode('dog '.repeat(100))
  expect(ids).toHaveLength(77)
  expect(ids.slice(-2)).toEqual([53, END])
})

test('clipTokenizer() refuses JSON that is not such a tokenizer', async () => {
  await expect(clipTokenizer({}, 'x/tokenizer.json')).rejects.toThrow(
    /Cannot read CLIP's "x\/tokenizer.json": it is not a tokenizer/,
  )
  await expect(clipTokenizer({ ...json, post_processor: null }, 'x/tokenizer.json')).rejects.toThrow(
    'it does not put a start and an end token around a text',
  )
})
