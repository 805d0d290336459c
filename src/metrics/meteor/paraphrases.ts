import type { Match } from './match.ts'

/** METEOR's table of paraphrases: by the words of a phrase, the phrases that may stand for it. */
export class Paraphrases {
  readonly #others = new Map<string, string[]>()
  #longest = 0

  /** Reads the text of METEOR's `paraphrase-en`: for each pair three lines, a number that METEOR does not use, the phrase and its paraphrase. */
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

  /** The pairs of phrases of two captions: those whose paraphrase the candidate has, then those whose paraphrase the reference has. */
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
