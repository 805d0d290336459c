import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FAMILIES, scorePairs } from '../../src/metrics/index.ts'
import { captionTokens } from '../../src/text/ptb.ts'

interface Golden {
  readonly scores: Record<string, number>
  readonly per_image: Record<string, Record<string, number>>
  readonly refs: Record<string, string[]>
  readonly cands: Record<string, string[]>
  readonly tokenized_refs: Record<string, string[]>
  readonly tokenized_cands: Record<string, string[]>
}

// Expected scores come from coco-caption's Python scorers, METEOR's from METEOR 1.5 without its paraphrase table.
const folder = new URL('../../../shared/golden/metrics/', import.meta.url)
const files = existsSync(folder) ? readdirSync(folder) : []

if (files.length === 0) test.skip("scores are coco-caption's (needs ../shared)", () => {})

for (const file of files) {
  const golden: Golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  const ways = {
    'its tokenised captions': { ...golden, tokens: (text: string) => text.split(' ') },
    'its raw captions': { tokenized_refs: golden.refs, tokenized_cands: golden.cands, tokens: captionTokens },
  }
  for (const [way, { tokenized_refs, tokenized_cands, tokens }] of Object.entries(ways))
    test(`${file}: the scores from ${way} are coco-caption's`, async () => {
      const images = Object.keys(golden.per_image)
      const pairs = images.map((image) => ({
        candidate: tokens(tokenized_cands[image]![0]!),
        references: tokenized_refs[image]!.map(tokens),
      }))
      const compared: string[] = []
      for (const family of FAMILIES.filter(({ name }) => name !== 'cider-plain' && name !== 'spice-ts'))
        for (const [name, score] of scorePairs(await family.load({}), pairs)) {
          const theirs = name === 'METEOR' ? 'METEOR_exact_stem_synonym' : name
          expect(score.corpus, name).toBeCloseTo(golden.scores[theirs]!, 8)
          images.forEach((image, i) => {
            expect(score.each[i], `${name} of ${image}`).toBeCloseTo(golden.per_image[image]![theirs]!, 8)
          })
          compared.push(theirs)
        }
      expect(compared.sort()).toEqual(Object.keys(golden.scores).sort())
    })
}
