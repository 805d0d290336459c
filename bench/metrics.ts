// Times the metrics on 5,000 images with five references each, or CIDEr-D as a reward; prints one JSON line.
// Usage: tsx bench/metrics.ts <scorers|quick|meteor|reward> <Flickr8k.token.txt>
//   scorers  BLEU, ROUGE-L and CIDEr-D on tokenised captions
//   quick    the same with tokenising
//   meteor   the same with tokenising and METEOR
//   reward   CIDEr-D of 5 samples for each of 16 images, with saved document frequencies
import { bleu, cider, ciderOf, documentFrequencies, meteor, rouge, WordNet } from '../src/metrics/index.ts'
import { captionTokens } from '../src/text/ptb.ts'
import { captionSet } from './caption-set.ts'
import { median } from './sizes.ts'

const [task, file] = process.argv.slice(2) as ['scorers' | 'quick' | 'meteor' | 'reward', string]
const captions = captionSet(file)
const RUNS = task === 'reward' ? 50 : 5

const seconds = task === 'reward' ? timeRewards() : await timeCorpora()
console.log(JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024 }))

/** Seconds of each run of a corpus task. */
async function timeCorpora(): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    let start = performance.now()
    const { references, candidates } = tokenised()
    if (task === 'scorers') start = performance.now()
    for (const metric of [bleu, rouge, cider]) metric.prepare(references).score(candidates)
    if (task === 'meteor')
      meteor(await WordNet.load())
        .prepare(references)
        .score(candidates)
    times.push((performance.now() - start) / 1000)
  }
  return times
}

/** Seconds of each reward computation. */
function timeRewards(): number[] {
  const { references, candidates } = tokenised()
  const metric = ciderOf({ documentFrequencies: documentFrequencies(references) })
  return Array.from({ length: RUNS }, (_, run) => {
    const start = performance.now()
    const scorer = metric.prepare(references.slice(16 * run, 16 * run + 16))
    for (let sample = 0; sample < 5; sample++) {
      const first = 16 * (run + sample)
      scorer.score(candidates.slice(first, first + 16))
    }
    return (performance.now() - start) / 1000
  })
}

function tokenised() {
  return {
    references: captions.references.map((image) => image.map(captionTokens)),
    candidates: captions.candidates.map(captionTokens),
  }
}
