import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import sharp from 'sharp'
import { COLOURS, type Place, type Scene, type SceneObject, THINGS } from './scene.ts'

/** Width and height of a picture in pixels. */
export const PICTURE_SIZE = 320
/** Width and height of an emoji in its own units. */
const EMOJI_SIZE = 32
/** Heights of things in pixels. */
const HEIGHTS = { big: 170, small: 95 } as const
/** Where things stand, in pixels from the top. */
const GROUND = 285

type Icons = Readonly<Record<string, { readonly body: string }>>

/** Draws scenes with recoloured Fluent emoji (Microsoft, MIT). */
export class Painter {
  readonly #icons: Icons

  private constructor(icons: Icons) {
    this.#icons = icons
  }

  /** Loads the emoji. */
  static async load(): Promise<Painter> {
    const path = createRequire(import.meta.url).resolve('@iconify-json/fluent-emoji-flat/icons.json')
    return new Painter((JSON.parse(await readFile(path, 'utf8')) as { icons: Icons }).icons)
  }

  /** Draws a scene as a PNG, PICTURE_SIZE wide and high. */
  draw(scene: Scene): Promise<Buffer> {
    const size = `width="${PICTURE_SIZE}" height="${PICTURE_SIZE}"`
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${BACKGROUNDS[scene.place]}${this.#objects(scene)}</svg>`
    return sharp(Buffer.from(svg)).png().toBuffer()
  }

  #objects({ objects, side }: Scene): string {
    const centres = objects.length === 2 ? [85, 235] : [side === 'left' ? 95 : 225]
    return objects.map((object, i) => this.#object(object, centres[i]!)).join('')
  }

  #object({ thing, colour, size }: SceneObject, centre: number): string {
    const height = HEIGHTS[size]
    const body = this.#icons[THINGS[thing]]!.body.replaceAll(/#([0-9a-f]{6}|[0-9a-f]{3})\b/gi, (hex) =>
      withHue(hex, COLOURS[colour]),
    )
    return `<g transform="translate(${centre - height / 2} ${GROUND - height}) scale(${height / EMOJI_SIZE})">${body}</g>`
  }
}

/** A colour with another hue and the same lightness. Dark colours stay as they are: they are eyes and tyres. */
function withHue(hex: string, hue: number): string {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1)
  const [r, g, b] = [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16) / 255) as [
    number,
    number,
    number,
  ]
  const lightness = (Math.max(r, g, b) + Math.min(r, g, b)) / 2
  return lightness < 0.2 ? hex : `hsl(${hue}, 80%, ${Math.round(100 * (0.25 + 0.5 * lightness))}%)`
}

const fill = (colour: string, y = 0): string =>
  `<rect y="${y}" width="${PICTURE_SIZE}" height="${PICTURE_SIZE - y}" fill="${colour}"/>`

const BACKGROUNDS: Readonly<Record<Place, string>> = {
  grass: fill('#a9d7f5') + fill('#7cb356', 200),
  beach: `${fill('#c8e6f7') + fill('#3f8fc4', 170) + fill('#ecd9a3', 220)}<circle cx="270" cy="45" r="24" fill="#fff3b0"/>`,
  snow: `${fill('#cfd6de') + fill('#fbfcfe', 190)}<path d="M0 200 80 95 150 190 220 110 320 200z" fill="#aab4c0"/>`,
  night: `${fill('#141a33') + fill('#252b3d', 220)}<path d="M40 40h3v3h-3zM120 75h3v3h-3zM190 30h3v3h-3zM285 100h3v3h-3zM75 120h3v3h-3z" fill="#fff"/><circle cx="260" cy="50" r="22" fill="#e8e6d4"/>`,
}
