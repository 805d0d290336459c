// Search over many images at once. The roles, each a value that can be exchanged: a stepper proposes words
// (stepper.ts), filters change their log-probabilities before that (filters/), a chooser picks among them (choosers/),
// a ranker scores finished hypotheses (rankers/), and a rescorer compares the best of them once more (rescorer.ts). The
// frontier holds the growing hypotheses, a Ranking the finished ones, the trace the back-pointers of both. Nothing is
// allocated for a word that is not chosen.
import { END, START } from '../text/vocabulary.ts'
import { bestChooser } from './choosers/best.ts'
import type { Chooser } from './choosers/chooser.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH } from './defaults.ts'
import type { Filter } from './filters/filter.ts'
import { PenaltyList } from './filters/penalty-list.ts'
import { Frontier } from './frontier.ts'
import { logProbRanker } from './rankers/log-prob.ts'
import type { Ranker } from './rankers/ranker.ts'
import { Ranking } from './ranking.ts'
import { type Rescorer, rescored } from './rescorer.ts'
import type { StepInput, StepOutput, Stepper } from './stepper.ts'
import { type Hypothesis, Trace } from './trace.ts'

/** How captions are searched for; without roles it is the published beam search. */
export interface SearchOptions {
  /** hypotheses of an image that keep growing; 1 is greedy search */
  readonly beam?: number
  /** words a caption may have, the closing `<end>` counted */
  readonly maxLength?: number
  /**
   * hypotheses to return for each image, at most `beam` (the default); fewer end the search sooner, and are the same
   */
  readonly keep?: number
  readonly chooser?: Chooser
  readonly filters?: readonly Filter[]
  readonly ranker?: Ranker
  /** compares the `beam` best hypotheses once more, for choosers without groups; without it the ranker's order stays */
  readonly rescorer?: Rescorer
  readonly signal?: AbortSignal
}

/**
 * Searches for the best captions of each image and returns them best first. A hypothesis that takes `<end>` is finished
 * and grows no more; an image leaves the batch when no growing hypothesis can come among its `keep` best. Hypotheses
 * cut at `maxLength` fill the places that finished ones leave open: a cut caption ranks below every finished one. Ties
 * keep the order in which they were found, so a search has one result. Throws RangeError for impossible options and
 * Error if no word is possible.
 */
export async function search<State>(
  stepper: Stepper<State>,
  images: number,
  {
    beam = DEFAULT_BEAM,
    maxLength = DEFAULT_MAX_LENGTH,
    keep = beam,
    chooser = bestChooser,
    filters = [],
    ranker = logProbRanker,
    rescorer,
    signal,
  }: SearchOptions = {},
): Promise<Hypothesis[][]> {
  checkCount('a beam', beam)
  checkCount('a longest length', maxLength)
  checkCount('a number to keep', keep, beam)
  if (images === 0) return []
  const { groups } = chooser
  const trace = new Trace()
  const held = rescorer ? beam : keep // a rescorer may prefer any of the beam
  const size = groups?.size(held) ?? held
  const rankings = Array.from({ length: images }, (_, image) =>
    Array.from({ length: groups?.count(image) ?? 1 }, () => new Ranking(size, ranker, maxLength)),
  )
  let frontier = Frontier.start(images, START)
  let state = (await stepper.start(images)) as State
  while (frontier.length < maxLength && frontier.rows > 0) {
    signal?.throwIfAborted()
    const input = inputOf(frontier, { filters, chooser, trace })
    const output = await stepper.step(state, input, chooser.width(beam))
    frontier = grow(frontier, output, { chooser, beam, rankings, trace })
    state = output.state
  }
  const found = rankings.map((each) => each.map(({ all }) => all.map(({ node }) => trace.read(node, true))))
  for (const row of [...frontier.nodes.keys()].sort((a, b) => frontier.logProbs[b]! - frontier.logProbs[a]!)) {
    const image = frontier.images[row]!
    const hypotheses = found[image]![groups?.of(image, frontier.tags[row]!) ?? 0]!
    if (hypotheses.length < size) hypotheses.push(trace.read(frontier.nodes[row]!, false))
  }
  return found.map((each, image) => {
    const best = groups ? groups.merge(each, held) : each[0]!
    if (!rescorer) return best
    const scoreOf = ({ logProb, words }: Hypothesis) => ranker.score(logProb, words.length) + rescorer(image, words)
    return rescored(best, scoreOf, keep)
  })
}

/** The rows of the next step, with the filters' penalties and the chooser's wishes. */
function inputOf(
  frontier: Frontier,
  { filters, chooser, trace }: { filters: readonly Filter[]; chooser: Chooser; trace: Trace },
): StepInput {
  const penalties = new PenaltyList()
  for (const filter of filters) filter.apply({ frontier, trace }, penalties)
  return {
    words: Int32Array.from(frontier.words),
    parents: Int32Array.from(frontier.parents),
    images: Int32Array.from(frontier.images),
    ...(filters.length > 0 && { penalties: penalties.arrays }),
    ...(chooser.wanted && { wanted: chooser.wanted(frontier) }),
  }
}

interface GrowOptions {
  readonly chooser: Chooser
  readonly beam: number
  /** by image and group */
  readonly rankings: readonly (readonly Ranking[])[]
  readonly trace: Trace
}

/** The next frontier; finished hypotheses go to their image's ranking. */
function grow(
  frontier: Frontier,
  proposals: StepOutput<unknown>,
  { chooser, beam, rankings, trace }: GrowOptions,
): Frontier {
  const next = new Frontier(frontier.length + 1)
  for (let first = 0, last = 0; first < frontier.rows; first = last) {
    const image = frontier.images[first]!
    while (frontier.images[last] === image) last++
    const before = next.rows
    chooser.choose({ frontier, first, last, proposals, beam, end: END }, { trace, rankings: rankings[image]!, next })
    if (next.rows === before && rankings[image]!.every(({ all }) => all.length === 0))
      throw new Error(`Cannot decode image ${image} of the batch: no next word has a finite log-probability`)
  }
  return next
}

function checkCount(what: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  const wanted = most === Number.MAX_SAFE_INTEGER ? 'at least 1' : `from 1 to the beam, ${most}`
  throw new RangeError(`Cannot search with ${what} of ${value}: it must be a whole number ${wanted}`)
}
