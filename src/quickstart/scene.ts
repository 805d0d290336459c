import type { Random } from '../random.ts'

/** What can stand in a scene: a word, and the picture of Fluent's emoji that shows it. */
export const things = {
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
export type Thing = keyof typeof things

/** Hues in degrees. */
export const colours = { red: 2, orange: 30, yellow: 52, green: 125, blue: 215, purple: 280 } as const
export type Colour = keyof typeof colours

export const places = {
  grass: 'on the grass',
  beach: 'on the beach',
  snow: 'in the snow',
  night: 'at night',
} as const
export type Place = keyof typeof places

export type Size = 'big' | 'small'

export interface SceneObject {
  readonly thing: Thing
  readonly colour: Colour
  readonly size: Size
}

/** One thing, on a side, or two, the first on the left. */
export interface Scene {
  readonly place: Place
  readonly objects: readonly [SceneObject] | readonly [SceneObject, SceneObject]
  /** where a thing alone stands */
  readonly side: 'left' | 'right'
}

/** The words that say what a scene shows: what the concept detector looks for. */
export const conceptWords: readonly string[] = [
  ...Object.keys(things),
  ...Object.keys(colours),
  ...Object.keys(places),
  'big',
  'small',
]

const keys = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[]

/** Colours and things that training never shows together, one colour for each thing: a model that names them has understood both. */
export const isHeldOut = ({ thing, colour }: SceneObject): boolean =>
  keys(things).indexOf(thing) % keys(colours).length === keys(colours).indexOf(colour)

/** A scene drawn at random; with `heldOut` one that has a combination which training lacks, else one that has none. */
export function drawScene(random: Random, heldOut: boolean): Scene {
  for (;;) {
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
    const object = (): SceneObject => ({
      thing: pick(keys(things)),
      colour: pick(keys(colours)),
      size: pick(['big', 'small']),
    })
    const [first, second] = [object(), object()]
    const alone = random.below(3) === 0
    if (!alone && first.thing === second.thing) continue
    const objects = alone ? ([first] as const) : ([first, second] as const)
    if (objects.some(isHeldOut) !== heldOut) continue
    return { place: pick(keys(places)), objects, side: pick(['left', 'right']) }
  }
}

/** Five captions of a scene, each telling other things of it. */
export function describeScene({ place, objects, side }: Scene): string[] {
  const where = places[place]
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
