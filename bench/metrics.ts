// Seconds to score 5,000 images with five references each: tsx bench/metrics.ts <scorers|quick|meteor|reward> <Flickr8k.token.txt>. Prints one JSON line.
// scorers: BLEU, ROUGE-L, CIDEr-D of captions tokenised before; quick: tokenise too; meteor: METEOR too; reward: CIDEr-D of 5 samples of each of 16 images, by saved document frequencies.
import { bleu, cider, ciderOf, documentFrequencies, meteor, rouge, WordNet } from '../src/metrics/index.ts'
import { captionTokens } from '../src/text/ptb.ts'
import { captionSet } from './caption-set.ts'
import { median } from './sizes.ts'

const [what, file] = process.argv.slice(2) as ['scorers' | 'quick' | 'meteor' | 'reward', string]
const { references, candidates } = captionSet(file)
const RUNS = what === 'reward' ? 50 : 5

const seconds = what === 'reward' ? rewards() : await corpora()
console.log(JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024 }))

async function corpora(): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    let start = performance.now()
    const people = references.map((captions) => captions.map(captionTokens))
    const made = candidates.map(captionTokens)
    if (what === 'scorers') start = performance.now()
    for (const metric of [bleu, rouge, cider]) metric.prepare(people).score(made)
    if (what === 'meteor')
      meteor(await WordNet.load())
        .prepare(people)
        .score(made)
    times.push((performance.now() - start) / 1000)
  }
  return times
}

function rewards(): number[] {
  const people = references.map((captions) => captions.map(captionTokens))
  const made = candidates.map(captionTokens)
  const metric = ciderOf({ documentFrequencies: documentFrequencies(people) })
  return Array.from({ length: RUNS }, (_, run) => {
    const start = performance.now()
    const scorer = metric.prepare(people.slice(16 * run, 16 * run + 16))
    for (let sample = 0; sample < 5; sample++) scorer.score(made.slice(16 * (run + sample), 16 * (run + sample) + 16))
    return (performance.now() - start) / 1000
  })
}
