import { colours, type Scene, things } from './scene.ts'

/** How often captions name what is there, of all things of all scenes, from 0 to 1. */
export interface NamedRight {
  /** things that the caption names */
  readonly things: number
  /** things that it names with their colour */
  readonly coloured: number
  /** things that it names and are not there, in parts of all it names */
  readonly invented: number
}

const isThing = (word: string): boolean => word in things
const isColour = (word: string): boolean => word in colours

/** The things of a caption, each with the colour before it. */
export function namedIn(caption: string): { thing: string; colour: string | undefined }[] {
  const words = caption.split(' ')
  return words.flatMap((word, i) =>
    isThing(word) ? [{ thing: word, colour: isColour(words[i - 1] ?? '') ? words[i - 1] : undefined }] : [],
  )
}

/** Holds captions, by image id, against the scenes that they are of. */
export function namedRight(scenes: ReadonlyMap<string, Scene>, captions: ReadonlyMap<string, string>): NamedRight {
  let [all, named, coloured, said, invented] = [0, 0, 0, 0, 0]
  for (const [id, caption] of captions) {
    const { objects } = scenes.get(id)!
    const told = namedIn(caption)
    all += objects.length
    named += objects.filter(({ thing }) => told.some((each) => each.thing === thing)).length
    coloured += objects.filter(({ thing, colour }) =>
      told.some((each) => each.thing === thing && each.colour === colour),
    ).length
    said += told.length
    invented += told.filter(({ thing }) => !objects.some((object) => object.thing === thing)).length
  }
  return { things: named / all, coloured: coloured / all, invented: said === 0 ? 0 : invented / said }
}
