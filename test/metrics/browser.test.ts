import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import type { Evaluation } from '../../src/metrics/index.ts'

test('the metrics run in a browser bundle, without Node', async () => {
  const { outputFiles, warnings } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/metrics/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: 'metrics',
  })
  expect(warnings).toEqual([])
  const page = createContext({ atob }) // only the language's globals and atob(): no process, require or Buffer
  runInContext(outputFiles[0]!.text, page)
  const input = JSON.stringify({
    references: { 1: ['a dog runs'], 2: ['two cats sleep'] },
    results: [
      { image_id: 1, caption: 'A dog is running.' },
      { image_id: 2, caption: 'two cats sleep' },
    ],
  })
  const { scores } = (await runInContext(`metrics.evaluate(${input})`, page)) as Evaluation
  expect(scores.map(({ name }) => name)).toEqual([
    'Bleu_1',
    'Bleu_2',
    'Bleu_3',
    'Bleu_4',
    'METEOR',
    'ROUGE_L',
    'CIDEr',
    'SPICE-ts',
  ])
  for (const { score } of scores) expect(score).toBeGreaterThan(0)
})
