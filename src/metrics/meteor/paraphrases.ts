import type { Match } from './match.ts'

/** METEOR's paraphrase table: by phrase, its paraphrases. */
export class Paraphrases {
  readonly #others = new Map<string, string[]>()
  #longest = 0

  /**
   * Parses METEOR's `paraphrase-en`: three lines per pair, a probability (unused by METEOR), the phrase, its
   * paraphrase.
   */
  constructor(text: string) {
    const lines = text.split('\n')
    for (let at = 0; at + 2 < lines.length; at += 3) {
      const [phrase, other] = [lines[at + 1]!.trim(), lines[at + 2]!.trim()]
      const others = this.#others.get(phrase)
      if (others) others.push(other)
      else this.#others.set(phrase, [other])
      this.#longest = Math.max(this.#longest, phrase.split(' ').length)
    }
  }

  /**
   * Finds paraphrase matches of two captions: phrases of the reference with a paraphrase in the candidate, then phrases
   * of the candidate with a paraphrase in the reference.
   */
  *matches(candidate: readonly string[], reference: readonly string[]): Generator<Omit<Match, 'module'>> {
    for (const [phrase, other] of this.#pairs(reference, candidate)) yield { reference: phrase, candidate: other }
    for (const [phrase, other] of this.#pairs(candidate, reference)) yield { reference: other, candidate: phrase }
  }

  *#pairs(words: readonly string[], others: readonly string[]) {
    for (const start of words.keys())
      for (let length = 1; length <= this.#longest && start + length <= words.length; length++)
        for (const paraphrase of this.#others.get(words.slice(start, start + length).join(' ')) ?? []) {
          const wanted = paraphrase.split(' ')
          for (let at = 0; at + wanted.length <= others.length; at++)
            if (wanted.every((word, i) => word === others[at + i]))
              yield [
                { start, length },
                { start: at, length: wanted.length },
              ] as const
        }
  }
}
