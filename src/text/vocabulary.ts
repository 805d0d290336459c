import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { validate } from '../validate.ts'

/** The ids every vocabulary begins with. */
export const PAD = 0
export const START = 1
export const END = 2
export const UNKNOWN = 3

const specialWords = ['<pad>', '<start>', '<end>', '<unk>'] as const
const format = 'mia-vocabulary/1'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const schema = v.object({
  format: v.literal(format),
  minCount: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  words: v.array(v.pipe(v.string(), v.nonEmpty())),
  counts: v.array(count),
})
export type VocabularyJson = v.InferOutput<typeof schema>

/** The words a captioner knows, by id: the four special ones, then those of the captions, frequent ones first. */
export class Vocabulary {
  private readonly ids: ReadonlyMap<string, number>

  /** `counts[id]` is how often the word was seen; of `<unk>`, how many words were too rare to be kept. */
  private constructor(
    readonly words: readonly string[],
    readonly counts: readonly number[],
    readonly minCount: number,
  ) {
    this.ids = new Map(words.map((word, id) => [word, id] as const).slice(specialWords.length))
  }

  /** The words seen at least `minCount` times, by falling count and then in the order of their characters. */
  static build(captions: Iterable<readonly string[]>, { minCount = 5 } = {}): Vocabulary {
    const seen = new Map<string, number>()
    let total = 0
    for (const tokens of captions) {
      total += tokens.length
      for (const token of tokens) seen.set(token, (seen.get(token) ?? 0) + 1)
    }
    // A caption may hold "<end>" as text: it is a word like another, but the special one keeps the name.
    for (const word of specialWords) seen.delete(word)
    const kept = [...seen].filter(([, times]) => times >= minCount)
    kept.sort(([a, timesA], [b, timesB]) => timesB - timesA || (a < b ? -1 : 1))
    const known = kept.reduce((sum, [, times]) => sum + times, 0)
    const words = [...specialWords, ...kept.map(([word]) => word)]
    return new Vocabulary(words, [0, 0, 0, total - known, ...kept.map(([, times]) => times)], minCount)
  }

  /** How many ids there are, special ones included. */
  get size(): number {
    return this.words.length
  }

  /** The id of a caption's word; 3 for one that is not known, and for "<end>" and its like standing in a caption. */
  id(word: string): number {
    return this.ids.get(word) ?? UNKNOWN
  }

  /** The ids of a caption's words, without start and end. */
  encode(tokens: readonly string[]): number[] {
    return tokens.map((token) => this.id(token))
  }

  /** The words up to the first end, without start and padding. Throws RangeError for an id that is not one. */
  decode(ids: Iterable<number>): string[] {
    const words: string[] = []
    for (const id of ids) {
      const word = this.words[id]
      if (word === undefined) throw new RangeError(`Cannot decode word ${id}: the vocabulary has ${this.size} words`)
      if (id === END) break
      if (id !== PAD && id !== START) words.push(word)
    }
    return words
  }

  toJSON(): VocabularyJson {
    return { format, minCount: this.minCount, words: [...this.words], counts: [...this.counts] }
  }

  /** The vocabulary that `toJSON` gave; `name` names its file. Throws UserError where it is not one. */
  static fromJSON(value: unknown, name = 'vocabulary'): Vocabulary {
    const advice = 'it should be as "mia prepare" wrote it'
    const { words, counts, minCount } = validate(schema, value, name, advice)
    const fail = (why: string): never => {
      throw new UserError(`Cannot read "${name}": ${why}; ${advice}`)
    }
    if (specialWords.some((word, id) => words[id] !== word)) fail(`the first words are not ${specialWords.join(' ')}`)
    if (words.length !== counts.length) fail(`it has ${words.length} words and ${counts.length} counts`)
    const vocabulary = new Vocabulary(words, counts, minCount)
    if (vocabulary.ids.size !== words.length - specialWords.length) fail('a word is in it twice')
    return vocabulary
  }
}
