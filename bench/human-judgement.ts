// Prints a Markdown table of the correlation of our scores with human judgement on Flickr8k-Expert, beside the values
// published with the CLIPScore paper (Hessel et al., EMNLP 2021, table 1).
// Usage: npx tsx bench/human-judgement.ts [expert.json]
import { fileURLToPath } from 'node:url'
import { correlation, readJudgements, scoreJudged } from './judgements.ts'

const PUBLISHED: Readonly<Record<string, number>> = {
  Bleu_1: 32.3,
  Bleu_4: 30.8,
  ROUGE_L: 32.3,
  METEOR: 41.8,
  CIDEr: 43.9,
  SPICE: 44.9,
}

const path = process.argv[2] ?? fileURLToPath(new URL('../../shared/data/flickr8k-expert/expert.json', import.meta.url))
const judged = readJudgements(path)
const names = [...Object.keys(PUBLISHED).filter((name) => name !== 'SPICE'), 'SPICE-ts']
const scores = await scoreJudged(judged, names)
const rows = names.map((name) => {
  const values = scores.get(name)!
  const published = name === 'SPICE-ts' ? `${PUBLISHED.SPICE} (SPICE)` : PUBLISHED[name]!.toFixed(1)
  return [name, published, correlation(values, judged).toFixed(1)]
})
for (const row of [['score', 'published', 'ours'], ['---', '---:', '---:'], ...rows])
  console.log(`| ${row.join(' | ')} |`)
console.log(`\n${judged.length} captions, ${judged.flatMap(({ experts }) => experts).length} judgements`)
