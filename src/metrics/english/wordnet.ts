/** Suffixes and what replaces them, in the order in which METEOR tries them: nouns', verbs', adjectives' (WordNet 3.0, morphy's rules of detachment). */
const RULES: readonly (readonly [suffix: string, ending: string])[] = [
  ['s', ''],
  ['ses', 's'],
  ['xes', 'x'],
  ['zes', 'z'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['men', 'man'],
  ['ies', 'y'],
  ['s', ''],
  ['ies', 'y'],
  ['es', 'e'],
  ['es', ''],
  ['ed', 'e'],
  ['ed', ''],
  ['ing', 'e'],
  ['ing', ''],
  ['er', ''],
  ['est', ''],
  ['er', 'e'],
  ['est', 'e'],
]

/** Single words of WordNet 3.0 with their synsets, all parts of speech together, numbered as METEOR 1.5 does. */
export class WordNet {
  /** By word: the numbers of its synsets. All that no other word is in are one number, below 0, of the word's own. */
  readonly #synsets: ReadonlyMap<string, readonly number[]>
  readonly #exceptions: ReadonlyMap<string, readonly string[]>

  private constructor(lemmas: string, exceptions: string) {
    const synsets = new Map<string, readonly number[]>()
    let lemma = ''
    for (const line of lemmas.split('\n')) {
      const [word, ...ids] = line.split(' ')
      lemma = lemma.slice(0, Number.parseInt(word![0]!, 36)) + word!.slice(1)
      synsets.set(lemma, [-1 - synsets.size, ...ids.map((id) => Number.parseInt(id, 36))])
    }
    this.#synsets = synsets
    this.#exceptions = new Map(
      exceptions.split('\n').map((line) => {
        const [form, ...bases] = line.split(' ')
        return [form!, bases]
      }),
    )
  }

  /** Reads the table, 700 kB, when it is first needed. */
  static load(): Promise<WordNet> {
    WordNet.#loading ??= import('./wordnet-table.ts').then(({ LEMMAS, EXCEPTIONS }) => new WordNet(LEMMAS, EXCEPTIONS))
    return WordNet.#loading
  }

  static #loading: Promise<WordNet> | undefined

  /** The synsets of a word in lower case as it stands; words that have one in common are synonyms in some sense. */
  synsets(word: string): readonly number[] {
    return this.#synsets.get(word) ?? []
  }

  /**
   * The words that an inflected one may come from, as METEOR 1.5 looks for them: those that the list of exceptions has, or else the first that a
   * rule of detachment gives, whatever its part of speech.
   */
  bases(word: string): readonly string[] {
    const irregular = this.#exceptions.get(word)
    if (irregular) return irregular
    if (word.endsWith('ss') || word.length <= 2) return [word]
    for (const [suffix, ending] of RULES) {
      if (!word.endsWith(suffix)) continue
      const base = word.slice(0, -suffix.length) + ending
      if (this.#synsets.has(base)) return [base]
    }
    return []
  }

  /** The synsets of a word and of its base forms; kept, for the same words come again and again. */
  allSynsets(word: string): ReadonlySet<number> {
    let all = this.#all.get(word)
    if (!all) {
      all = new Set([word, ...this.bases(word)].flatMap((each) => this.synsets(each)))
      this.#all.set(word, all)
    }
    return all
  }

  readonly #all = new Map<string, ReadonlySet<number>>()
}

/** Have two words, by their synsets, one in common? */
export function shareSynset(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (b.size === 0) return false
  for (const synset of a) if (b.has(synset)) return true
  return false
}
