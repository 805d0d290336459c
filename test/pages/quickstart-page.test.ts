import { expect, test } from 'vitest'
import type { CorpusScore } from '../../src/metrics/index.ts'
import { type QuickstartContent, quickstartPage } from '../../src/pages/quickstart-page.ts'
import { CountingPictures } from './pictures.ts'

const score = (value: number, p?: number): CorpusScore => ({
  name: 'CIDEr',
  score: value,
  range: [0, 10] as const,
  signature: '',
  ...(p !== undefined && { comparison: { other: 1, difference: value - 1, interval: [0, 1], p } }),
})

const content: QuickstartContent = {
  trainImages: 1600,
  testImages: 12,
  systems: [
    {
      name: 'plain',
      curve: [
        { loss: 3, cider: 0.5 },
        { loss: 1, cider: 1 },
      ],
      scores: [score(1)],
    },
    {
      name: 'with MIA',
      curve: [
        { loss: 2, cider: 0.5 },
        { loss: 2, cider: 1.5 },
      ],
      scores: [score(1.5, 0.03)],
    },
  ],
  fractions: [{ name: 'things named', values: [0.5, 0.25] }],
  examples: Array.from({ length: 12 }, (_, i) => ({
    path: `${i}.png`,
    alt: 'a "red" dog',
    captions: [
      [{ text: 'a' }, { text: 'red <dog>', correct: true }],
      [{ text: 'blue dog', correct: false }, { text: 'runs' }],
    ],
  })),
  run: 'runs/a & b',
}

test('has one card per example: what is wrong is struck out, not only red', async () => {
  const pictures = new CountingPictures()
  const html = await quickstartPage(pictures, content)
  expect(html.match(/<article><img src="data:[^"]*" alt="a &#34;red&#34; dog">/g)).toHaveLength(12)
  expect(html).toContain('<small>plain</small>a <b class="correct">red &#60;dog&#62;</b></p>')
  expect(html).toContain('<small>with MIA</small><s class="wrong">blue dog</s> runs</p>')
  expect(html).toContain('--run runs/a &#38; b photo.jpg')
  expect(pictures.peak).toBeLessThanOrEqual(4)
})

test('the score table has a row per score and fraction, the p value of the last system, and the curves share their axis', async () => {
  const html = await quickstartPage(new CountingPictures(), content)
  expect(html).toContain('<th scope="row">CIDEr</th><td>1.0000</td><td>1.5000</td><td>0.030</td>')
  expect(html).toContain('<th scope="row">things named</th><td>50%</td><td>25%</td><td></td>')
  expect(html).toContain('<polyline class="line-0" points="0.0,0.0 300.0,120.0"/>') // from loss 3, the highest, to 1
  expect(html).toContain('<polyline class="line-1" points="0.0,60.0 300.0,60.0"/>')
})
