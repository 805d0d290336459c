import { shareSynset, type WordNet } from '../english/wordnet.ts'
import type { SpicePart } from '../metric.ts'
import type { SceneGraph } from './scene-graph.ts'
import { COLOURS, numberOf, SIZES } from './words.ts'

/** A tuple of a scene graph: `[object]`, `[object, attribute]` or `[subject, relation, object]`. */
export type Tuple = readonly string[]

/** The parts that a tuple belongs to; colours, counts and sizes are also attributes. */
export function partsOf(tuple: Tuple): readonly SpicePart[] {
  if (tuple.length === 1) return ['object']
  if (tuple.length === 3) return ['relation']
  const attribute = tuple[1]!
  if (COLOURS.has(attribute)) return ['attribute', 'color']
  if (numberOf(attribute) !== undefined) return ['attribute', 'count']
  return SIZES.has(attribute) ? ['attribute', 'size'] : ['attribute']
}

/** The tuples of a scene graph. */
export const tuplesOf = ({ objects, attributes, relations }: SceneGraph): Tuple[] => [
  ...objects.map((object) => [object]),
  ...attributes,
  ...relations,
]

/** Matches tuples of equal length whose words are pairwise equal or share a WordNet synset. */
export class TupleMatcher {
  readonly #wordnet: WordNet

  /** Takes synonyms from `wordnet`. */
  constructor(wordnet: WordNet) {
    this.#wordnet = wordnet
  }

  /** Whether two tuples match. */
  match(a: Tuple, b: Tuple): boolean {
    return a.length === b.length && a.every((word, i) => word === b[i] || this.#synonyms(word, b[i]!))
  }

  /** The union of the tuples of several graphs, without tuples that match an earlier one. */
  merge(graphs: readonly (readonly Tuple[])[]): Tuple[] {
    const merged: Tuple[] = []
    for (const tuple of graphs.flat()) if (!merged.some((other) => this.match(tuple, other))) merged.push(tuple)
    return merged
  }

  #synonyms(a: string, b: string): boolean {
    return shareSynset(this.#wordnet.allSynsets(a), this.#wordnet.allSynsets(b))
  }
}
