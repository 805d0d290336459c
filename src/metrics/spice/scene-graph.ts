import { chunk, type Item, type NounPhrase } from './chunk.ts'
import type { TaggedWord } from './tagger.ts'
import { ANIMATE, LIGHT } from './words.ts'

/** What a caption says: things, what they are like, and how they stand to each other, all by base forms. */
export interface SceneGraph {
  readonly objects: readonly string[]
  readonly attributes: readonly (readonly [object: string, attribute: string])[]
  readonly relations: readonly (readonly [subject: string, relation: string, object: string])[]
}

/**
 * The scene graph of a caption, by rules over noun phrases, verbs and prepositions from left to right, in the manner of Schuster et al. (2015): a verb
 * relates its subject to what follows it, and is an attribute of the subject where nothing does; a preposition relates the subject of its verb,
 * or the noun before it, to the noun after it.
 */
export function sceneGraph(words: readonly TaggedWord[]): SceneGraph {
  const reader = new Reader()
  for (const item of chunk(words)) reader.read(item)
  return reader.finish()
}

/** Reads a caption's phrases one after the other, and remembers what a phrase to come may hang on. */
class Reader {
  readonly #objects = new Set<string>()
  readonly #attributes = new Map<string, readonly [string, string]>()
  readonly #relations = new Map<string, readonly [string, string, string]>()
  /** whom the caption is about, at first and in the clause in hand */
  #first: readonly string[] = []
  #subjects: readonly string[] = []
  /** the last noun phrases, joined by "and" */
  #last: readonly string[] = []
  /** whose doing the last verb is */
  #doers: readonly string[] = []
  /** a verb that has found no object yet */
  #verb: string | undefined
  /** a preposition that waits for its noun, and what it relates to it */
  #preposition: { readonly text: string; readonly from: readonly string[] } | undefined
  /** is the last noun what a verb is done to? */
  #isObject = false
  #joined = false
  #relative = false
  #copula = false
  /** what the last noun phrase was related by, for one that "and" adds to it */
  #again: ((object: string) => void) | undefined

  read(item: Item): void {
    if (item.kind === 'noun') this.#readNoun(item)
    else if (item.kind === 'verb') this.#readVerb(item)
    else if (item.kind === 'preposition') this.#readPreposition(item.text)
    else if (item.kind === 'adjective') this.#readAdjective(item.text)
    else if (item.kind === 'pronoun') this.#readPronoun(item.text)
    else if (item.kind === 'and') this.#joined = true
    else if (item.kind === 'relative') this.#relative = true
    else this.#readClause()
  }

  finish(): SceneGraph {
    this.#closeVerb()
    return {
      objects: [...this.#objects],
      attributes: [...this.#attributes.values()],
      relations: [...this.#relations.values()],
    }
  }

  /** "while another boy watches": the noun that follows is whom the clause is about. */
  #readClause(): void {
    this.#closeVerb()
    this.#preposition = undefined
    this.#again = undefined
    this.#joined = false
    this.#doers = []
    this.#subjects = []
    this.#last = []
  }

  #readNoun(phrase: NounPhrase): void {
    const object = phrase.head
    this.#objects.add(object)
    for (const attribute of phrase.attributes) this.#describe(object, attribute)
    const owner =
      phrase.owner ??
      (phrase.possessive ? [...this.#subjects, ...this.#first].find((subject) => subject !== object) : undefined)
    if (owner !== undefined && this.#objects.has(owner)) this.#relate(owner, 'have', object)
    this.#place(object)
  }

  /** Relates a noun, or whom a pronoun means, to what waits for one. */
  #place(object: string): void {
    const byVerb = this.#preposition === undefined
    const waiting =
      this.#preposition ?? (this.#verb === undefined ? undefined : { text: this.#verb, from: this.#doers })
    if (waiting) {
      if (byVerb) this.#verb = undefined
      this.#preposition = undefined
      this.#again = (other) => {
        for (const subject of waiting.from) this.#relate(subject, waiting.text, other)
      }
      this.#again(object)
      this.#last = [object]
    } else if (this.#joined && this.#again) {
      this.#again(object)
      this.#last = [...this.#last, object]
    } else if (this.#joined && this.#last.length > 0) {
      const both = [...this.#last, object]
      if (this.#last === this.#first) this.#first = both
      if (this.#last === this.#subjects) this.#subjects = both
      this.#last = both
    } else {
      this.#again = undefined
      this.#last = [object]
      if (this.#subjects.length === 0) this.#subjects = this.#last
      if (this.#first.length === 0) this.#first = this.#last
    }
    this.#isObject = waiting !== undefined && byVerb
    this.#joined = false
    this.#relative = false
    this.#copula = false
  }

  #readVerb({ lemma, form }: Extract<Item, { kind: 'verb' }>): void {
    this.#preposition = undefined
    if (this.#joined && this.#verb !== undefined) this.#closeVerb()
    if (lemma === 'be') {
      this.#copula = true
      this.#doers = this.#doersOf(form)
      return
    }
    this.#closeVerb()
    if (!this.#joined || this.#doers.length === 0) this.#doers = this.#copula ? this.#doers : this.#doersOf(form)
    this.#joined = false
    this.#copula = false
    this.#again = undefined
    if (!LIGHT.has(lemma)) this.#verb = lemma
  }

  /** Whose doing a verb is: after "who" the noun before it; else the caption's subject, unless the noun before it can do things itself. */
  #doersOf(form: string): readonly string[] {
    if (this.#relative || this.#subjects.length === 0) return this.#last.length > 0 ? this.#last : this.#first
    const own = form !== 'finite' && this.#last.some((object) => ANIMATE.has(object))
    const mine = this.#subjects.some((object) => ANIMATE.has(object))
    return own || (!mine && form !== 'finite') ? this.#last : this.#subjects
  }

  #readPreposition(text: string): void {
    const fromNoun = text === 'of' || (text === 'with' && this.#isObject)
    const near = fromNoun || this.#doers.length === 0 ? this.#last : this.#doers
    const from = near.length > 0 ? near : this.#first
    this.#closeVerb()
    this.#preposition = { text, from }
    this.#again = undefined
    this.#joined = false
  }

  #readAdjective(text: string): void {
    for (const object of this.#relative ? this.#last : this.#copula ? this.#doers : this.#last)
      this.#describe(object, text)
    this.#joined = false
  }

  #readPronoun(text: string): void {
    const thing = text === 'it' || text === 'itself'
    const known = [...this.#objects]
    const meant = thing ? known.findLast((object) => !ANIMATE.has(object)) : (this.#first[0] ?? known[0])
    if (meant === undefined) return
    if (this.#preposition || this.#verb !== undefined) this.#place(meant)
    else {
      this.#doers = [meant]
      this.#subjects = [meant]
    }
  }

  /** A verb that found no object says what its subject is like. */
  #closeVerb(): void {
    if (this.#verb !== undefined) for (const subject of this.#doers) this.#describe(subject, this.#verb)
    this.#verb = undefined
  }

  #describe(object: string, attribute: string): void {
    if (object !== attribute) this.#attributes.set(`${object} ${attribute}`, [object, attribute])
  }

  #relate(subject: string, relation: string, object: string): void {
    if (subject !== object) this.#relations.set(`${subject} ${relation} ${object}`, [subject, relation, object])
  }
}
