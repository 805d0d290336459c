/** WordNet 3.0's rules of detachment (morphy) in the order in which METEOR tries them: nouns, verbs, adjectives. */
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

/** The single words of WordNet 3.0 with their synsets. Parts of speech are merged, as in METEOR 1.5. */
export class WordNet {
  /** By word: the ids of its synsets. Synsets without other words share one negative id that only this word has. */
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

  /** Loads the table, 0.9 MB, at the first call; later calls return the same object. */
  static load(): Promise<WordNet> {
    WordNet.#loading ??= import('./wordnet-table.ts').then(({ LEMMAS, EXCEPTIONS }) => new WordNet(LEMMAS, EXCEPTIONS))
    return WordNet.#loading
  }

  static #loading: Promise<WordNet> | undefined

  /** The synset ids of a word in lower case, not of its base forms. Words with a common synset are synonyms. */
  synsets(word: string): readonly number[] {
    return this.#synsets.get(word) ?? []
  }

  /**
   * The base forms of an inflected word, as METEOR 1.5 looks them up: those in WordNet's exception list, otherwise the
   * first result of a rule of detachment that is a word, of any part of speech.
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

  /** The synset ids of a word and of its base forms, cached. */
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

/** Whether two sets of synset ids, from WordNet.allSynsets(), have a common element. */
export function shareSynset(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (b.size === 0) return false
  for (const synset of a) if (b.has(synset)) return true
  return false
}
