// Beam search over many images at once. The roles: a stepper proposes words (stepper.ts), the chooser picks among them
// (chooser.ts), the frontier holds what still grows (frontier.ts), the ranking what is finished (ranking.ts), and the
// trace remembers how each came about (trace.ts). Nothing is allocated for a word that is not chosen.
import { END, START } from '../text/vocabulary.ts'
import { choose } from './choosers/best.ts'
import { Frontier } from './frontier.ts'
import { Ranking } from './ranking.ts'
import type { StepOutput, Stepper } from './stepper.ts'
import { type Hypothesis, Trace } from './trace.ts'

export interface BeamOptions {
  /** unfinished hypotheses an image keeps growing; 1 is greedy search */
  readonly beam?: number
  /** words a caption may have, the closing `<end>` counted */
  readonly maxLength?: number
  /** hypotheses to return for each image, at most `beam` (the default); fewer end the search sooner, and are the same */
  readonly keep?: number
  readonly signal?: AbortSignal
}

/**
 * The most probable captions of each image, best first, by the sum of their words' log-probabilities without any
 * normalisation by length. A hypothesis that takes `<end>` is set aside and grows no more; an image leaves the batch
 * when no unfinished hypothesis can come among its `keep` best. Hypotheses cut at `maxLength` fill the places that
 * finished ones leave open: a caption broken off ranks below every whole one. Equal ones keep the order in which they
 * were found, so a search has one result. Throws RangeError for impossible options and Error where no word is possible.
 */
export async function beamSearch<State>(
  stepper: Stepper<State>,
  images: number,
  { beam = 3, maxLength = 20, keep = beam, signal }: BeamOptions = {},
): Promise<Hypothesis[][]> {
  checkCount('a beam', beam)
  checkCount('a longest length', maxLength)
  checkCount('a number to keep', keep, beam)
  if (images === 0) return []
  const trace = new Trace()
  const rankings = Array.from({ length: images }, () => new Ranking(keep))
  let frontier = Frontier.start(images, START)
  let state = (await stepper.start(images)) as State
  for (let length = 1; length <= maxLength && frontier.rows > 0; length++) {
    signal?.throwIfAborted()
    const input = {
      words: Int32Array.from(frontier.words),
      parents: Int32Array.from(frontier.parents),
      images: Int32Array.from(frontier.images),
    }
    // A row has one <end>, so beam + 1 proposals hold beam words to go on with.
    const output = await stepper.step(state, input, beam + 1)
    frontier = grow(frontier, output, { beam, rankings, trace })
    state = output.state
  }
  const found = rankings.map(({ nodes, logProbs }) => nodes.map((node, i) => trace.read(node, logProbs[i]!, true)))
  for (let row = 0; row < frontier.rows; row++) {
    const hypotheses = found[frontier.images[row]!]!
    if (hypotheses.length < keep) hypotheses.push(trace.read(frontier.nodes[row]!, frontier.logProbs[row]!, false))
  }
  return found
}

/** The next frontier; what finishes goes to its image's ranking. */
function grow(
  frontier: Frontier,
  proposals: StepOutput<unknown>,
  { beam, rankings, trace }: { beam: number; rankings: readonly Ranking[]; trace: Trace },
): Frontier {
  const next = new Frontier()
  for (let first = 0, last = 0; first < frontier.rows; first = last) {
    const image = frontier.images[first]!
    while (frontier.images[last] === image) last++
    const ranking = rankings[image]!
    const before = next.rows
    choose({ frontier, first, last, proposals, beam, end: END }, ranking, trace, next)
    if (next.rows === before && ranking.nodes.length === 0) {
      throw new Error(`Cannot decode image ${image} of the batch: no next word has a finite log-probability`)
    }
  }
  return next
}

function checkCount(what: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  const wanted = most === Number.MAX_SAFE_INTEGER ? 'at least 1' : `from 1 to the beam, ${most}`
  throw new RangeError(`Cannot search with ${what} of ${value}: it must be a whole number ${wanted}`)
}
