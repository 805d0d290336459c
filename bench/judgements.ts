import { readFileSync } from 'node:fs'
import { evaluate } from '../src/metrics/index.ts'
import { tauC } from './kendall.ts'

/** A caption of an image with the judgements of its experts, 1 (unrelated) to 4 (describes the image). */
export interface Judged {
  readonly caption: string
  readonly references: readonly string[]
  readonly experts: readonly number[]
}

/**
 * Reads Flickr8k's expert judgements (Hodosh, Young and Hockenmaier, JAIR 2013) as JSON:
 * `{references: {image: [captions]}, pairs: [{image, caption, experts: [1..4]}]}`.
 */
export function readJudgements(path: string): Judged[] {
  const { references, pairs } = JSON.parse(readFileSync(path, 'utf8')) as {
    references: Record<string, string[]>
    pairs: { image: string; caption: string; experts: number[] }[]
  }
  return pairs.map(({ image, caption, experts }) => ({ caption, experts, references: references[image]! }))
}

/** The scores of each caption by name of the score. */
export async function scoreJudged(judged: readonly Judged[], metrics: string[]): Promise<Map<string, number[]>> {
  const { scores, images } = await evaluate({
    references: Object.fromEntries(judged.map(({ references }, i) => [`pair ${i}`, references])),
    results: judged.map(({ caption }, i) => ({ image_id: `pair ${i}`, caption })),
    metrics,
  })
  return new Map(scores.map(({ name }) => [name, images.map((image) => image.scores[name]!)]))
}

/**
 * Kendall's tau-c of the scores with all judgements, each judgement paired with its caption's score, as in the CLIPScore
 * paper (Hessel et al., EMNLP 2021, section 4.1), in percent.
 */
export function correlation(scores: readonly number[], judged: readonly Judged[]): number {
  const x = judged.flatMap(({ experts }, i) => experts.map(() => scores[i]!))
  return (
    100 *
    tauC(
      x,
      judged.flatMap(({ experts }) => experts),
    )
  )
}
