import { stem } from '../english/porter2.ts'
import type { WordNet } from '../english/wordnet.ts'
import type { Match } from './match.ts'
import type { Paraphrases } from './paraphrases.ts'

/** Finds all matches of two captions; remembers what it found out about words. */
export class Matcher {
  readonly #wordnet: WordNet
  readonly #paraphrases: Paraphrases | undefined
  readonly #stems = new Map<string, string>()
  readonly #synsets = new Map<string, ReadonlySet<number>>()

  constructor(wordnet: WordNet, paraphrases?: Paraphrases) {
    this.#wordnet = wordnet
    this.#paraphrases = paraphrases
  }

  /** All matches by the place in the reference where they begin, in each those of the first module first. */
  matches(candidate: readonly string[], reference: readonly string[]): Match[][] {
    const found: Match[][] = reference.map(() => [])
    const same = candidate.length === reference.length && candidate.every((word, i) => word === reference[i])
    const pairs = (module: number, match: (a: string, b: string) => boolean) => {
      for (const [j, b] of reference.entries())
        for (const [i, a] of candidate.entries())
          if (match(a, b))
            found[j]!.push({ module, candidate: { start: i, length: 1 }, reference: { start: j, length: 1 } })
    }
    pairs(0, (a, b) => a === b)
    if (same) return found // as METEOR does: nothing else could be better
    pairs(1, (a, b) => a !== b && this.#stem(a) === this.#stem(b))
    pairs(2, (a, b) => a !== b && this.#synonyms(a, b))
    for (const match of this.#paraphrases?.matches(candidate, reference) ?? [])
      found[match.reference.start]!.push({ module: 3, ...match })
    return found
  }

  #stem(word: string): string {
    let found = this.#stems.get(word)
    if (found === undefined) {
      found = stem(word)
      this.#stems.set(word, found)
    }
    return found
  }

  #synonyms(a: string, b: string): boolean {
    const others = this.#synsetsOf(b)
    for (const synset of this.#synsetsOf(a)) if (others.has(synset)) return true
    return false
  }

  #synsetsOf(word: string): ReadonlySet<number> {
    let found = this.#synsets.get(word)
    if (!found) {
      found = new Set(this.#wordnet.allSynsets(word))
      this.#synsets.set(word, found)
    }
    return found
  }
}
