import { expect, test } from 'vitest'
import { type RunPage, runPage } from '../../src/pages/run-page.ts'

const epoch = (number: number, loss: number | undefined, CIDEr: number, best: boolean) => ({
  epoch: number,
  loss,
  scores: { Bleu_4: CIDEr / 2, CIDEr },
  best,
  seconds: 60,
})

const run: RunPage = {
  name: 'va & <mia>',
  model: { basicModel: 'VisualAttention', mia: true },
  data: 'flickr8k',
  planned: 30,
  epochs: [epoch(1, 5, 0.2, true), epoch(2, undefined, 0.4, true), epoch(3, 3, 0.3, false)],
  steps: [{ epoch: 0.5, values: { loss: 6, learningRate: 5e-4, reward: 0.1 } }],
  samples: [
    {
      picture: { url: 'data:image/png;base64,AA', width: 4, height: 2 },
      references: ['a <dog> runs'],
      captions: ['a cat', 'a cat', 'a dog'].map((caption, i) => ({ epoch: i + 1, caption, cider: i })),
      explained: {
        image: '/pictures/1.jpg',
        caption: 'a dog',
        words: [{ word: 'a', probability: 0.9 }, { word: 'dog' }],
        concepts: [],
        allConcepts: [],
        explanation: { words: [Float32Array.of(0.7, 0.3), Float32Array.of(0.5, 0.5)], alignment: undefined },
        boxes: Float32Array.of(0, 0, 0.5, 1, 0.5, 0, 1, 1),
      },
    },
  ],
  settings: [['learningRate', '0.0005']],
}

test('a page fetches nothing, and what files said is escaped', () => {
  const html = runPage(run)
  expect(html).not.toMatch(/https?:|<link|src=|@import/)
  expect(html).toContain('<h1>va &#38; &#60;mia&#62;</h1>')
  expect(html).toContain('<li>a &#60;dog&#62; runs</li>')
  expect(html).not.toContain('NaN')
})

test('the best epoch is the last one that was the best so far; an unknown loss is a dash', () => {
  const html = runPage(run)
  expect(html).toContain('0.4000 <small>at epoch 2</small>')
  expect(html.match(/<tr class="best"><th scope="row">2 <small>best<\/small><\/th><td>-<\/td>/g)).toHaveLength(1)
})

test('a sample has its attention word by word, and epochs of the same caption share a row', () => {
  const html = runPage(run)
  expect(html.match(/<li tabindex="0">/g)).toHaveLength(2)
  expect(html).toContain('<b>a</b> <small>90%</small>')
  expect(html).toContain('<tr class="best"><th scope="row">1–2</th><td>a cat</td><td>0.00</td></tr>')
  expect(html).toContain('<tr><th scope="row">3</th><td>a dog</td><td>2.00</td></tr>')
})

test('has a chart of the loss, the CIDEr, the other scores, the learning rate and whatever else steps measured', () => {
  const titles = [...runPage(run).matchAll(/<figcaption>(.*?)<\/figcaption>/g)].map(([, title]) => title)
  expect(titles).toEqual([
    'Training loss',
    'CIDEr on the validation images',
    'Other scores on the validation images',
    'Learning rate',
    'reward',
  ])
})

test('without boxes of the regions there is no attention to draw; without samples the reason is said', () => {
  const [sample] = run.samples
  const unboxed = { ...sample!, explained: { ...sample!.explained, boxes: new Float32Array() } }
  expect(runPage({ ...run, samples: [unboxed] })).not.toContain('class="hole"')
  expect(runPage({ ...run, samples: [], note: 'No pictures: gone.' })).toContain('No pictures: gone.')
})
