import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { correlation, readJudgements, scoreJudged } from '../../bench/judgements.ts'

const path = fileURLToPath(new URL('../../../shared/data/flickr8k-expert/expert.json', import.meta.url))

// Published with the CLIPScore paper (Hessel et al., EMNLP 2021, table 1). SPICE has 44.9, SPICE-ts with its
// first rules had 45.6.
const published = { Bleu_1: 32.3, Bleu_4: 30.8, METEOR: 41.8, ROUGE_L: 32.3, CIDEr: 43.9 }

test.skipIf(!existsSync(path))(
  'our scores agree with human judgement as the published ones do (needs ../shared)',
  async () => {
    const judged = readJudgements(path)
    const scores = await scoreJudged(judged, [...Object.keys(published), 'SPICE-ts'])
    for (const [name, tau] of Object.entries(published))
      expect(correlation(scores.get(name)!, judged).toFixed(1), name).toBe(tau.toFixed(1))
    expect(correlation(scores.get('SPICE-ts')!, judged)).toBeGreaterThan(45.9)
  },
)
