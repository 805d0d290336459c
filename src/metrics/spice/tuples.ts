import { shareSynset, type WordNet } from '../english/wordnet.ts'
import type { SpicePart } from '../metric.ts'
import type { SceneGraph } from './scene-graph.ts'
import { COLOURS, numberOf, SIZES } from './words.ts'

/** One statement of a scene graph: an object; an object and an attribute; a subject, a relation and an object. */
export type Tuple = readonly string[]

/** The kinds of a tuple; "attribute" has the colours, counts and sizes too. */
export function partsOf(tuple: Tuple): readonly SpicePart[] {
  if (tuple.length === 1) return ['object']
  if (tuple.length === 3) return ['relation']
  const attribute = tuple[1]!
  if (COLOURS.has(attribute)) return ['attribute', 'color']
  if (numberOf(attribute) !== undefined) return ['attribute', 'count']
  return SIZES.has(attribute) ? ['attribute', 'size'] : ['attribute']
}

export const tuplesOf = ({ objects, attributes, relations }: SceneGraph): Tuple[] => [
  ...objects.map((object) => [object]),
  ...attributes,
  ...relations,
]

/** Matches tuples: those whose words, one by one, are equal or share a synset. */
export class TupleMatcher {
  readonly #wordnet: WordNet

  constructor(wordnet: WordNet) {
    this.#wordnet = wordnet
  }

  match(a: Tuple, b: Tuple): boolean {
    return a.length === b.length && a.every((word, i) => word === b[i] || this.#synonyms(word, b[i]!))
  }

  /** The tuples of several graphs together, each statement once. */
  merge(graphs: readonly (readonly Tuple[])[]): Tuple[] {
    const merged: Tuple[] = []
    for (const tuple of graphs.flat()) if (!merged.some((other) => this.match(tuple, other))) merged.push(tuple)
    return merged
  }

  #synonyms(a: string, b: string): boolean {
    return shareSynset(this.#wordnet.allSynsets(a), this.#wordnet.allSynsets(b))
  }
}
