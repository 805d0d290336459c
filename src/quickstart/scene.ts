import type { Random } from '../random.ts'

/** The things of the world: the word, and the name of the emoji that shows it. */
export const THINGS = {
  dog: 'dog',
  cat: 'cat',
  horse: 'horse',
  elephant: 'elephant',
  duck: 'duck',
  car: 'automobile',
  bus: 'bus',
  bicycle: 'bicycle',
  boat: 'sailboat',
  umbrella: 'umbrella',
  house: 'house',
  tree: 'deciduous-tree',
} as const
/** The word for a thing. */
export type Thing = keyof typeof THINGS

/** The colours of things: the word, and its hue in degrees. */
export const COLOURS = { red: 2, orange: 30, yellow: 52, green: 125, blue: 215, purple: 280 } as const
/** The word for a colour. */
export type Colour = keyof typeof COLOURS

/** The places of scenes: the word, and how a caption names it. */
export const PLACES = {
  grass: 'on the grass',
  beach: 'on the beach',
  snow: 'in the snow',
  night: 'at night',
} as const
/** The word for a place. */
export type Place = keyof typeof PLACES

/** The size of a thing in its picture. */
export type Size = 'big' | 'small'

/** An object in a scene, and its descriptions in captions. */
export interface SceneObject {
  readonly thing: Thing
  readonly colour: Colour
  readonly size: Size
}

/** What a picture of the world shows. */
export interface Scene {
  readonly place: Place
  /** one thing, or two of which the first is on the left */
  readonly objects: readonly [SceneObject] | readonly [SceneObject, SceneObject]
  /** the side of a single thing */
  readonly side: 'left' | 'right'
}

/** The words for the objects of scenes: the concept detector's vocabulary. */
export const CONCEPT_WORDS: readonly string[] = [
  ...Object.keys(THINGS),
  ...Object.keys(COLOURS),
  ...Object.keys(PLACES),
  'big',
  'small',
]

const keys = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[]

/**
 * Whether training never shows a thing in this colour: one colour is held out for each thing. A model that names such a
 * combination has learned the two words apart from each other.
 */
export const isHeldOut = ({ thing, colour }: SceneObject): boolean =>
  keys(THINGS).indexOf(thing) % keys(COLOURS).length === keys(COLOURS).indexOf(colour)

/** Draws a random scene: with a held-out combination of thing and colour if `heldOut`, else without any. */
export function drawScene(random: Random, heldOut: boolean): Scene {
  for (;;) {
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
    const object = (): SceneObject => ({
      thing: pick(keys(THINGS)),
      colour: pick(keys(COLOURS)),
      size: pick(['big', 'small']),
    })
    const [first, second] = [object(), object()]
    const alone = random.below(3) === 0
    if (!alone && first.thing === second.thing) continue
    const objects = alone ? ([first] as const) : ([first, second] as const)
    if (objects.some(isHeldOut) !== heldOut) continue
    return { place: pick(keys(PLACES)), objects, side: pick(['left', 'right']) }
  }
}

/** Five captions of a scene; each mentions other attributes. */
export function describeScene({ place, objects, side }: Scene): string[] {
  const where = PLACES[place]
  const [a, b] = objects
  const coloured = ({ colour, thing }: SceneObject): string => `${article(colour)} ${colour} ${thing}`
  const both = ({ size, colour, thing }: SceneObject): string => `a ${size} ${colour} ${thing}`
  if (!b)
    return [
      `${both(a)} ${where}`,
      `there is ${coloured(a)} ${where}`,
      `${coloured(a)} stands on the ${side}`,
      `${both(a)} stands alone ${where}`,
      `${where} there is ${coloured(a)}`,
    ]
  return [
    `${coloured(a)} to the left of ${coloured(b)} ${where}`,
    `${coloured(a)} and ${coloured(b)} ${where}`,
    `there is ${both(a)} next to ${coloured(b)} ${where}`,
    `${coloured(a)} and ${both(b)} ${where}`,
    `${both(a)} and ${both(b)} stand ${where}`,
  ]
}

const article = (word: string): string => (/^[aeiou]/.test(word) ? 'an' : 'a')
