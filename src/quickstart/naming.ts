import type { CaptionPart } from '../pages/quickstart-page.ts'
import { COLOURS, type Scene, THINGS } from './scene.ts'

/** How well captions name the things of their scenes; fractions from 0 to 1 over all scenes. */
export interface NamingScores {
  /** the things of the scenes that the captions name */
  readonly recall: number
  /** the things of the scenes that the captions name with the right colour */
  readonly colourRecall: number
  /** the named things that are not in the scene: CHAIRi (Rohrbach et al., EMNLP 2018) */
  readonly hallucinated: number
}

/** A thing that a caption names, with the colour before it. */
export interface Mention {
  readonly thing: string
  readonly colour: string | undefined
  /** the thing's place among the caption's words, from 0 */
  readonly index: number
}

/** The things that a caption names, in its order. */
export function mentionsOf(caption: string): Mention[] {
  const words = caption.split(' ')
  return words.flatMap((thing, index) => {
    const before = words[index - 1] ?? ''
    if (!Object.hasOwn(THINGS, thing)) return []
    return [{ thing, colour: Object.hasOwn(COLOURS, before) ? before : undefined, index }]
  })
}

/** Scores captions, by image id, against the scenes that their pictures show. */
export function scoreNaming(scenes: ReadonlyMap<string, Scene>, captions: ReadonlyMap<string, string>): NamingScores {
  let [things, named, namedInColour, mentioned, hallucinated] = [0, 0, 0, 0, 0]
  for (const [id, caption] of captions) {
    const { objects } = scenes.get(id)!
    const mentions = mentionsOf(caption)
    things += objects.length
    named += objects.filter(({ thing }) => mentions.some((mention) => mention.thing === thing)).length
    namedInColour += objects.filter(({ thing, colour }) =>
      mentions.some((mention) => mention.thing === thing && mention.colour === colour),
    ).length
    mentioned += mentions.length
    hallucinated += mentions.filter(({ thing }) => !objects.some((object) => object.thing === thing)).length
  }
  return {
    recall: named / things,
    colourRecall: namedInColour / things,
    hallucinated: mentioned === 0 ? 0 : hallucinated / mentioned,
  }
}

/** A caption in parts: each mention, correct if the scene has that thing in that colour, and the words between. */
export function checkMentions(caption: string, { objects }: Scene): CaptionPart[] {
  const words = caption.split(' ').filter(Boolean)
  const parts: CaptionPart[] = []
  let next = 0
  const addWords = (end: number): void => {
    if (end > next) parts.push({ text: words.slice(next, end).join(' ') })
  }
  for (const { thing, colour, index } of mentionsOf(words.join(' '))) {
    const start = colour === undefined ? index : index - 1
    addWords(start)
    const correct = objects.some((each) => each.thing === thing && (colour === undefined || each.colour === colour))
    parts.push({ text: words.slice(start, index + 1).join(' '), correct })
    next = index + 1
  }
  addWords(words.length)
  return parts
}
