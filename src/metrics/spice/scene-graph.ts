import { chunk, type Item, type NounPhrase } from './chunk.ts'
import type { TaggedWord } from './tagger.ts'
import { ANIMATE, LIGHT_VERBS } from './words.ts'

/** The objects of a caption with their attributes and relations, as lemmas. */
export interface SceneGraph {
  readonly objects: readonly string[]
  readonly attributes: readonly (readonly [object: string, attribute: string])[]
  readonly relations: readonly (readonly [subject: string, relation: string, object: string])[]
}

/**
 * Parses a tagged caption into a scene graph, by rules over its chunks from left to right, similar to Schuster et al.
 * (VL 2015): a verb relates its subject to its object, or is an attribute of the subject if it has no object; a
 * preposition relates the subject of its verb, or the noun before it, to the noun after it.
 */
export function sceneGraph(words: readonly TaggedWord[]): SceneGraph {
  const reader = new Reader()
  for (const item of chunk(words)) reader.read(item)
  return reader.finish()
}

/** Builds the graph chunk by chunk; its state is what later chunks may attach to. */
class Reader {
  readonly #objects = new Set<string>()
  readonly #attributes = new Map<string, readonly [string, string]>()
  readonly #relations = new Map<string, readonly [string, string, string]>()
  /** The first subjects of the caption. */
  #first: readonly string[] = []
  /** The subjects of the current clause. */
  #subjects: readonly string[] = []
  /** The last noun phrases, joined by "and". */
  #last: readonly string[] = []
  /** The subjects of the last verb. */
  #agents: readonly string[] = []
  /** A verb without an object so far. */
  #verb: string | undefined
  /** A preposition without its noun so far, and the objects that it relates to that noun. */
  #preposition: { readonly text: string; readonly from: readonly string[] } | undefined
  /** Whether the last noun is the object of a verb. */
  #isObject = false
  /** Whether the last chunk was "and". */
  #joined = false
  /** Whether a relative pronoun was read since the last noun. */
  #relative = false
  /** Whether a form of "be" was read since the last noun. */
  #copula = false
  /** Adds the relation of the last noun to another object, for nouns joined by "and". */
  #relateAlso: ((object: string) => void) | undefined

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

  /** A new clause, as in "while another boy watches": the next noun is its subject. */
  #readClause(): void {
    this.#closeVerb()
    this.#preposition = undefined
    this.#relateAlso = undefined
    this.#joined = false
    this.#agents = []
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

  /** Attaches a noun, or the referent of a pronoun, to the pending verb or preposition. */
  #place(object: string): void {
    const byVerb = this.#preposition === undefined
    const waiting =
      this.#preposition ?? (this.#verb === undefined ? undefined : { text: this.#verb, from: this.#agents })
    if (waiting) {
      if (byVerb) this.#verb = undefined
      this.#preposition = undefined
      this.#relateAlso = (other) => {
        for (const subject of waiting.from) this.#relate(subject, waiting.text, other)
      }
      this.#relateAlso(object)
      this.#last = [object]
    } else if (this.#joined && this.#relateAlso) {
      this.#relateAlso(object)
      this.#last = [...this.#last, object]
    } else if (this.#joined && this.#last.length > 0) {
      const both = [...this.#last, object]
      if (this.#last === this.#first) this.#first = both
      if (this.#last === this.#subjects) this.#subjects = both
      this.#last = both
    } else {
      this.#relateAlso = undefined
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
      this.#agents = this.#agentsOf(form)
      return
    }
    this.#closeVerb()
    if (!this.#joined || this.#agents.length === 0) this.#agents = this.#copula ? this.#agents : this.#agentsOf(form)
    this.#joined = false
    this.#copula = false
    this.#relateAlso = undefined
    if (!LIGHT_VERBS.has(lemma)) this.#verb = lemma
  }

  /**
   * The subjects of a verb: after a relative pronoun the noun before it; otherwise the subjects of the clause, unless
   * the verb is a participle and the noun before it is animate.
   */
  #agentsOf(form: string): readonly string[] {
    if (this.#relative || this.#subjects.length === 0) return this.#last.length > 0 ? this.#last : this.#first
    const isAnimate = (object: string): boolean => ANIMATE.has(object)
    const ofLast = form !== 'finite' && (this.#last.some(isAnimate) || !this.#subjects.some(isAnimate))
    return ofLast ? this.#last : this.#subjects
  }

  #readPreposition(text: string): void {
    const fromNoun = text === 'of' || (text === 'with' && this.#isObject)
    const near = fromNoun || this.#agents.length === 0 ? this.#last : this.#agents
    const from = near.length > 0 ? near : this.#first
    this.#closeVerb()
    this.#preposition = { text, from }
    this.#relateAlso = undefined
    this.#joined = false
  }

  #readAdjective(text: string): void {
    for (const object of this.#relative ? this.#last : this.#copula ? this.#agents : this.#last)
      this.#describe(object, text)
    this.#joined = false
  }

  #readPronoun(text: string): void {
    const isThing = text === 'it' || text === 'itself'
    const known = [...this.#objects]
    const referent = isThing ? known.findLast((object) => !ANIMATE.has(object)) : (this.#first[0] ?? known[0])
    if (referent === undefined) return
    if (this.#preposition || this.#verb !== undefined) this.#place(referent)
    else {
      this.#agents = [referent]
      this.#subjects = [referent]
    }
  }

  /** Makes a pending verb without an object an attribute of its subjects. */
  #closeVerb(): void {
    if (this.#verb !== undefined) for (const subject of this.#agents) this.#describe(subject, this.#verb)
    this.#verb = undefined
  }

  #describe(object: string, attribute: string): void {
    if (object !== attribute) this.#attributes.set(`${object} ${attribute}`, [object, attribute])
  }

  #relate(subject: string, relation: string, object: string): void {
    if (subject !== object) this.#relations.set(`${subject} ${relation} ${object}`, [subject, relation, object])
  }
}
