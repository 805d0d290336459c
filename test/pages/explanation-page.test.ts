import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { ExplainedCaption } from '../../src/caption/photo-caption.ts'
import type { Pictures } from '../../src/engine/pictures.ts'
import { UserError } from '../../src/errors.ts'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { checkExplained, explanationPage, MAX_EXPLAINED } from '../../src/pages/explanation-page.ts'
import { EXPLANATION_SCRIPT } from '../../src/pages/explanation-script.ts'
import { temporaryFolder } from '../support/folder.ts'
import { CountingPictures } from './pictures.ts'

const explained = (image: string): ExplainedCaption => ({
  image,
  index: 0,
  input: image,
  caption: 'a <dog>',
  words: [
    { word: 'a', probability: 0.9 },
    { word: '<dog>', probability: 0.0004 },
  ],
  probability: 0.5,
  confidence: 0.7,
  alternatives: [],
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

async function pageOf(captions: readonly ExplainedCaption[], mia = true, pictures: Pictures = nodePictures) {
  let html = ''
  for await (const part of explanationPage(pictures, captions, { basicModel: 'VisualAttention', mia })) html += part
  return html
}

const page = async (): Promise<string> => pageOf([explained(await picture())])

test('a page fetches nothing, and names and captions are escaped', async () => {
  const html = await page()
  expect(html).not.toMatch(/https?:|<link|src=|@import/)
  expect(html.match(/url\([^#]{5}/g)).toEqual(['url(data:'])
  expect(html).not.toContain('<dog>')
  expect(html).not.toContain('<b>&.png')
  expect(html).toContain('a &#60;dog&#62;')
})

test('each word has its probability, and a picture that is dark without attention', async () => {
  const html = await page()
  const words = [...html.matchAll(/<li tabindex="0">(.*?)<\/li>/gs)].map(([, word]) => word!)
  expect(words).toHaveLength(2)
  const opacities = (word: string) => [...word.matchAll(/opacity="([\d.]+)"/g)].map(([, opacity]) => Number(opacity))
  expect(opacities(words[0]!)).toEqual([1, 0.1429, 0.1429, 0.1429]) // .1 / .7, relative to the largest weight
  expect(opacities(words[1]!)).toEqual([1, 1, 1, 1])
  expect(words[0]).toContain('90%')
  expect(words[1]).toContain('&lt;0.1%')
})

test('the region with the most attention comes first, with its concepts after MIA', async () => {
  const html = await page()
  const [first] = [...html.matchAll(/<tr data-region="(\d)">(.*?)<\/tr>/gs)]
  expect(first![1]).toBe('0')
  expect(first![2]).toMatch(/dog <small>70%<\/small>/)
})

test('with more concepts than regions the page tells how much attention is outside of the regions, and on which concepts', async () => {
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
  const html = await pageOf([unequal])
  expect(html).toContain('highest attention weight 30%, uniform would be 25%')
  expect(html.match(/60% on concepts without a region: grass, runs/g)).toHaveLength(1)
  expect(html.match(/without a region/g)).toHaveLength(1)
})

test('with fewer concepts than regions the weights are normalised over the rows that have a concept', async () => {
  const image = await picture()
  const few: ExplainedCaption = { ...explained(image), allConcepts: explained(image).allConcepts.slice(0, 2) }
  const html = await pageOf([few])
  const { alignments } = JSON.parse(/<script type="application\/json">(.*?)<\/script>/.exec(html)![1]!)
  expect(alignments[0].before).toEqual([
    ['dog', 0.5],
    ['red', 0.5],
  ])
})

test('a page of 30 pictures has 30 articles in the order of the captions, and opens a few pictures at once', async () => {
  const pictures = new CountingPictures()
  const names = Array.from({ length: 30 }, (_, i) => `picture-${i}.jpg`)
  const html = await pageOf(names.map(explained), true, pictures)
  expect([...html.matchAll(/<article .*?<p class="file">(.*?)<\/p>/gs)].map(([, name]) => name)).toEqual(names)
  expect(pictures.opened).toEqual(names)
  expect(pictures.peak).toBeGreaterThan(1)
  expect(pictures.peak).toBeLessThanOrEqual(4)
})

test('a page is made piece by piece: the first articles are there before the last pictures are opened', async () => {
  const pictures = new CountingPictures()
  const captions = Array.from({ length: 30 }, (_, i) => explained(`${i}.jpg`))
  for await (const part of explanationPage(pictures, captions, { basicModel: 'VisualAttention', mia: true }))
    if (part.startsWith('<article')) break
  expect(pictures.opened.length).toBeLessThanOrEqual(4)
})

test('more pictures than a browser can show are refused, before the first is opened', async () => {
  const why = 'Cannot explain 1,000 pictures on one page: the limit is 200; give fewer pictures'
  expect(() => checkExplained(1000)).toThrow(UserError)
  expect(() => checkExplained(1000)).toThrow(why)
  expect(() => checkExplained(MAX_EXPLAINED)).not.toThrow()
  const pictures = new CountingPictures()
  const many = Array.from({ length: 1000 }, (_, i) => explained(`${i}.jpg`))
  await expect(pageOf(many, true, pictures)).rejects.toThrow(why)
  expect(pictures.opened).toEqual([])
})

test('a model without attention gets a page without attention maps', async () => {
  const plain: ExplainedCaption = {
    ...explained('a.jpg'),
    concepts: [],
    allConcepts: [],
    explanation: { words: undefined, alignment: undefined },
  }
  const html = await pageOf([plain], false, new CountingPictures())
  expect(html).toContain('This model does not attend word by word')
  expect(html).not.toContain('before MIA')
  expect(html.match(/<svg/g)).toHaveLength(1) // the hidden one of the large picture
})

test('regions can be chosen without a pointer', async () => {
  expect(await page()).toMatch(/<div class="large picture" role="img" tabindex="0" aria-label="[^"]*arrow keys/)
  expect(EXPLANATION_SCRIPT).toContain("'keydown'")
  expect(() => new Function(EXPLANATION_SCRIPT)).not.toThrow() // a string that no compiler reads
})
