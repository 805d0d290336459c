import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { ExplainedCaption } from '../../src/caption/captioner.ts'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { explanationPage } from '../../src/pages/explanation-page.ts'
import { temporaryFolder } from '../support/folder.ts'

const explained = (image: string): ExplainedCaption => ({
  image,
  index: 0,
  picture: image,
  caption: 'a <dog>',
  words: [
    { word: 'a', probability: 0.9 },
    { word: '<dog>', probability: 0.0004 },
  ],
  probability: 0.5,
  confidence: 0.7,
  concepts: [{ word: 'dog', score: 0.7 }],
  allConcepts: ['dog', 'red', 'runs', 'grass'].map((word) => ({ word, score: 0.5 })),
  boxes: Float32Array.of(0, 0, 0.5, 0.5, 0.5, 0, 1, 0.5, 0, 0.5, 0.5, 1, 0.5, 0.5, 1, 1),
  explanation: {
    words: [Float32Array.of(0.7, 0.1, 0.1, 0.1), Float32Array.of(0.25, 0.25, 0.25, 0.25)],
    alignment: {
      before: Float32Array.from({ length: 16 }, () => 0.25),
      after: Float32Array.from({ length: 16 }, (_, i) => (i % 4 === Math.floor(i / 4) ? 0.7 : 0.1)),
    },
  },
})

async function picture(): Promise<string> {
  const image = join(await temporaryFolder(), '<b>&.png')
  await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } }).toFile(image)
  return image
}

const page = async (): Promise<string> =>
  explanationPage(nodePictures, [explained(await picture())], { basicModel: 'VisualAttention', mia: true })

test('a page stands alone: nothing is fetched, and names cannot break out of it', async () => {
  const html = await page()
  expect(html).not.toMatch(/https?:|<link|src=|@import/)
  expect(html.match(/url\([^#]{5}/g)).toEqual(['url(data:'])
  expect(html).not.toContain('<dog>')
  expect(html).not.toContain('<b>&.png')
  expect(html).toContain('a &#60;dog&#62;')
})

test('each word has its probability and a picture dark where it was not looked at', async () => {
  const html = await page()
  const words = [...html.matchAll(/<li tabindex="0">(.*?)<\/li>/gs)].map(([, word]) => word!)
  expect(words).toHaveLength(2)
  const opacities = (word: string) => [...word.matchAll(/opacity="([\d.]+)"/g)].map(([, opacity]) => Number(opacity))
  expect(opacities(words[0]!)).toEqual([1, 0.1429, 0.1429, 0.1429]) // .1 / .7: how far the veil is open
  expect(opacities(words[1]!)).toEqual([1, 1, 1, 1])
  expect(words[0]).toContain('90%')
  expect(words[1]).toContain('&lt;0.1%')
})

test('the region looked at most comes first, with its concepts after MIA', async () => {
  const html = await page()
  const [first] = [...html.matchAll(/<tr data-region="(\d)">(.*?)<\/tr>/gs)]
  expect(first![1]).toBe('0')
  expect(first![2]).toMatch(/dog <small>70%<\/small>/)
})

test('with more concepts than regions it says how much of the attention is on no region, and on which concepts', async () => {
  const image = await picture()
  const plain = explained(image)
  const unequal: ExplainedCaption = {
    ...plain,
    boxes: plain.boxes.slice(0, 8), // two regions, four concepts
    explanation: {
      ...plain.explanation,
      words: [Float32Array.of(0.3, 0.1, 0.2, 0.4), Float32Array.of(0.6, 0.4, 0, 0)],
    },
  }
  const html = await explanationPage(nodePictures, [unequal], { basicModel: 'VisualAttention', mia: true })
  expect(html).toContain('largest part of the attention: 30%; evenly spread it would be 25%')
  expect(html.match(/60% not on regions but on concepts, as grass, runs/g)).toHaveLength(1)
  expect(html.match(/not on regions/g)).toHaveLength(1)
})

test('with fewer concepts than regions the parts of a region are of what has words', async () => {
  const image = await picture()
  const few: ExplainedCaption = { ...explained(image), allConcepts: explained(image).allConcepts.slice(0, 2) }
  const html = await explanationPage(nodePictures, [few], { basicModel: 'VisualAttention', mia: true })
  const { alignments } = JSON.parse(/<script type="application\/json">(.*?)<\/script>/.exec(html)![1]!)
  expect(alignments[0].before).toEqual([
    ['dog', 0.5],
    ['red', 0.5],
  ])
})
