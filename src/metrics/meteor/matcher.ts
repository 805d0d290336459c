import { stem } from '../english/porter2.ts'
import { shareSynset, type WordNet } from '../english/wordnet.ts'
import type { Match } from './match.ts'
import type { Paraphrases } from './paraphrases.ts'

/** A word's stem and synsets. Equal words share one object. */
interface Word {
  readonly stem: string
  readonly synsets: ReadonlySet<number>
}

/** Finds all matches of two captions; caches stems and synsets. */
export class Matcher {
  readonly #wordnet: WordNet
  readonly #paraphrases: Paraphrases | undefined
  readonly #words = new Map<string, Word>()

  /** Without `paraphrases`, it finds no matches of the fourth module. */
  constructor(wordnet: WordNet, paraphrases?: Paraphrases) {
    this.#wordnet = wordnet
    this.#paraphrases = paraphrases
  }

  /** All matches by their first reference word, in each list in the order of MODULES. */
  matches(candidate: readonly string[], reference: readonly string[]): Match[][] {
    const found: Match[][] = reference.map(() => [])
    const candidateWords = candidate.map((word) => this.#word(word))
    const referenceWords = reference.map((word) => this.#word(word))
    const same =
      candidateWords.length === referenceWords.length && candidateWords.every((word, i) => word === referenceWords[i])
    const add = (module: number, match: (a: Word, b: Word) => boolean) => {
      for (let j = 0; j < referenceWords.length; j++)
        for (let i = 0; i < candidateWords.length; i++)
          if (match(candidateWords[i]!, referenceWords[j]!))
            found[j]!.push({ module, candidate: { start: i, length: 1 }, reference: { start: j, length: 1 } })
    }
    add(0, (a, b) => a === b)
    if (same) return found // as METEOR does: exact matches are already the best alignment
    add(1, (a, b) => a !== b && a.stem === b.stem)
    add(2, (a, b) => a !== b && shareSynset(a.synsets, b.synsets))
    for (const match of this.#paraphrases?.matches(candidate, reference) ?? [])
      found[match.reference.start]!.push({ module: 3, ...match })
    return found
  }

  #word(text: string): Word {
    let word = this.#words.get(text)
    if (!word) {
      word = { stem: stem(text), synsets: this.#wordnet.allSynsets(text) }
      this.#words.set(text, word)
    }
    return word
  }
}
