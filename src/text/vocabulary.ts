import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { COUNT, POSITIVE_COUNT, validate } from '../validate.ts'

/** Id of `<pad>`, which fills captions up to the length of a batch. */
export const PAD = 0
/** Id of `<start>`, the first word that the decoder reads. */
export const START = 1
/** Id of `<end>`, the last word of a caption. */
export const END = 2
/** Id of `<unk>`, the out-of-vocabulary word. */
export const UNKNOWN = 3

/** The special words, by id. */
const SPECIAL_WORDS = ['<pad>', '<start>', '<end>', '<unk>'] as const
const FORMAT = 'mia-vocabulary/1'

const SCHEMA = v.object({
  format: v.literal(FORMAT),
  minCount: POSITIVE_COUNT,
  words: v.array(v.pipe(v.string(), v.nonEmpty())),
  counts: v.array(COUNT),
})
/** The content of `vocabulary.json`. */
export type VocabularyJson = v.InferOutput<typeof SCHEMA>

/**
 * The words of a captioner by id: the four special words first, then the words of the captions, most frequent first.
 */
export class Vocabulary {
  readonly #ids: ReadonlyMap<string, number>

  private constructor(
    readonly words: readonly string[],
    /** By id: how often the word occurs in the training captions; for `<unk>`, how often rarer words do. */
    readonly counts: readonly number[],
    /** Words that occur fewer times became `<unk>`. */
    readonly minCount: number,
  ) {
    this.#ids = new Map(words.map((word, id) => [word, id] as const).slice(SPECIAL_WORDS.length))
  }

  /**
   * Builds the vocabulary of tokenised captions: the words that occur at least `minCount` times, sorted by falling
   * count and then by character codes.
   */
  static build(captions: Iterable<readonly string[]>, { minCount = 5 } = {}): Vocabulary {
    const countOf = new Map<string, number>()
    let total = 0
    for (const tokens of captions) {
      total += tokens.length
      for (const token of tokens) countOf.set(token, (countOf.get(token) ?? 0) + 1)
    }
    // A caption may contain "<end>" as text. It must not get the id of the special word, so it becomes unknown.
    for (const word of SPECIAL_WORDS) countOf.delete(word)
    const kept = [...countOf].filter(([, count]) => count >= minCount)
    kept.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    const known = kept.reduce((sum, [, count]) => sum + count, 0)
    const words = [...SPECIAL_WORDS, ...kept.map(([word]) => word)]
    return new Vocabulary(words, [0, 0, 0, total - known, ...kept.map(([, count]) => count)], minCount)
  }

  /** The number of ids, special words included. */
  get size(): number {
    return this.words.length
  }

  /**
   * The id of a caption's word; `UNKNOWN` for a word outside the vocabulary and for a special word, such as "<end>".
   */
  id(word: string): number {
    return this.#ids.get(word) ?? UNKNOWN
  }

  /** The ids of a caption's words, without `<start>` and `<end>`. */
  encode(tokens: readonly string[]): number[] {
    return tokens.map((token) => this.id(token))
  }

  /**
   * The words up to the first `<end>`, without `<start>` and `<pad>`. Throws RangeError for an id that does not exist.
   */
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

  /** The content of `vocabulary.json`. */
  toJSON(): VocabularyJson {
    return { format: FORMAT, minCount: this.minCount, words: [...this.words], counts: [...this.counts] }
  }

  /**
   * Makes the vocabulary from what `toJSON` returned, read from the file `name`. Throws UserError if it is not a
   * vocabulary.
   */
  static fromJSON(value: unknown, name = 'vocabulary'): Vocabulary {
    const advice = 'make it again with "mia prepare"'
    const { words, counts, minCount } = validate(SCHEMA, value, name, advice)
    const fail = (why: string): never => {
      throw new UserError(`Cannot read "${name}": ${why}; ${advice}`)
    }
    if (SPECIAL_WORDS.some((word, id) => words[id] !== word)) fail(`the first words are not ${SPECIAL_WORDS.join(' ')}`)
    if (words.length !== counts.length) fail(`it has ${words.length} words and ${counts.length} counts`)
    const vocabulary = new Vocabulary(words, counts, minCount)
    if (vocabulary.#ids.size !== words.length - SPECIAL_WORDS.length) fail('a word occurs twice in it')
    return vocabulary
  }
}
