import { stem } from '../english/porter2.ts'
import { shareSynset, type WordNet } from '../english/wordnet.ts'
import type { Match } from './match.ts'
import type { Paraphrases } from './paraphrases.ts'

/** What is known of a word; the same object for the same word. */
interface Word {
  readonly stem: string
  readonly synsets: ReadonlySet<number>
}

/** Finds all matches of two captions; remembers what it found out about words. */
export class Matcher {
  readonly #wordnet: WordNet
  readonly #paraphrases: Paraphrases | undefined
  readonly #words = new Map<string, Word>()

  constructor(wordnet: WordNet, paraphrases?: Paraphrases) {
    this.#wordnet = wordnet
    this.#paraphrases = paraphrases
  }

  /** All matches by the place in the reference where they begin, in each those of the first module first. */
  matches(candidate: readonly string[], reference: readonly string[]): Match[][] {
    const found: Match[][] = reference.map(() => [])
    const [ours, theirs] = [candidate, reference].map((words) => words.map((word) => this.#word(word))) as [
      Word[],
      Word[],
    ]
    const same = ours.length === theirs.length && ours.every((word, i) => word === theirs[i])
    const add = (module: number, match: (a: Word, b: Word) => boolean) => {
      for (let j = 0; j < theirs.length; j++)
        for (let i = 0; i < ours.length; i++)
          if (match(ours[i]!, theirs[j]!))
            found[j]!.push({ module, candidate: { start: i, length: 1 }, reference: { start: j, length: 1 } })
    }
    add(0, (a, b) => a === b)
    if (same) return found // as METEOR does: nothing else could be better
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
