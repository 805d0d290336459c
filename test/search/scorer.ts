import type { Stepper } from '../../src/search/index.ts'

/** The log-probabilities of all words after a prefix, for an image; the words that may come are `words`. */
export interface Scorer {
  readonly words: readonly number[]
  next(image: number, prefix: readonly number[]): Float32Array
}

/**
 * Random next-word distributions that depend on the image and on the whole prefix. `levels` rounds the logits to few
 * values, so that ties occur. Words are 2 (`<end>`), 4, 5, ...: what a stepper leaves out is not there.
 */
export function randomScorer(seed: number, vocabulary: number, levels = 0): Scorer {
  const words = [2, ...Array.from({ length: vocabulary - 1 }, (_, i) => i + 4)]
  return {
    words,
    next(image, prefix) {
      const logits = words.map((word) => {
        const noise = hash([seed, image, ...prefix, word]) / 2 ** 32
        return levels === 0 ? 4 * noise : Math.floor(noise * levels)
      })
      const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
      return Float32Array.from(logits, (logit) => logit - total)
    },
  }
}

/** FNV-1a over the numbers, with a last mix. */
function hash(numbers: readonly number[]): number {
  let h = 0x811c9dc5
  for (const n of numbers) h = Math.imul(h ^ n, 0x01000193) ^ (h >>> 15)
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  return (h ^ (h >>> 15)) >>> 0
}

/** A stepper whose state is the prefix of each row; `calls` records the rows and images of every step. */
export function stepperOf(scorer: Scorer, imageOf = (image: number): number => image) {
  const calls: { images: number[]; width: number; prefixes: number[][]; ids: Int32Array }[] = []
  const stepper: Stepper<{ prefixes: number[][]; images: number[] }> = {
    start: (images) => ({
      prefixes: Array.from({ length: images }, () => []),
      images: Array.from({ length: images }, (_, i) => i),
    }),
    async step(state, { words, parents, images, penalties, wanted }, width) {
      const prefixes = Array.from(words, (word, row) => {
        if (state.images[parents[row]!] !== images[row]) throw new Error('a row continues another image')
        return [...state.prefixes[parents[row]!]!, word]
      })
      const each = Math.min(width, scorer.words.length)
      const ids = new Int32Array(words.length * each)
      const logProbs = new Float32Array(words.length * each)
      const asked = wanted && new Float32Array(wanted.words.length)
      for (const [row, prefix] of prefixes.entries()) {
        const scores = scorer.next(imageOf(images[row]!), prefix.slice(1)).slice()
        for (const [i, penalised] of (penalties?.rows ?? []).entries()) {
          const place = scorer.words.indexOf(penalties!.words[i]!)
          if (penalised === row && place >= 0) scores[place]! += penalties!.values[i]!
        }
        for (const [i, word] of (wanted?.words ?? []).entries())
          if (wanted!.rows[i] === row) asked![i] = scores[scorer.words.indexOf(word)] ?? Number.NEGATIVE_INFINITY
        const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, each)
        for (const [rank, word] of order.entries()) {
          ids[row * each + rank] = scorer.words[word]!
          logProbs[row * each + rank] = scores[word]!
        }
      }
      calls.push({ images: [...images], width, prefixes, ids })
      return { state: { prefixes, images: [...images] }, ids, logProbs, ...(asked && { wanted: asked }) }
    },
  }
  return { stepper, calls }
}
