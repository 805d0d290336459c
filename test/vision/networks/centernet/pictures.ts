import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { nodePictures } from '../../../../src/hosts/node/pictures.ts'
import { normalise, RGB255 } from '../../../../src/vision/preprocessing.ts'

/** A folder of COCO pictures next to the project; it may be missing. */
export const coco = fileURLToPath(new URL('../../../../../shared/data/coco-mini', import.meta.url))
export const hasCoco = existsSync(coco)

export async function photographs(): Promise<string[]> {
  const folder = join(coco, 'train2017')
  return (await readdir(folder)).sort().map((name) => join(folder, name))
}

/** A picture of bright and dark waves. */
export function waves(): Promise<Buffer> {
  const [width, height] = [200, 150]
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3]
    return 128 + 127 * Math.sin(x / (5 + 9 * channel)) * Math.cos((x * y) / 2000 + y / 11)
  })
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

/** The input of the built-in network for a picture, `[3, size, size]`, values from 0 to 255. */
export async function planesOf(picture: string | Buffer, size: number): Promise<Float32Array> {
  const preprocessing = { width: size, height: size, ...RGB255 }
  const planes = new Float32Array(3 * size * size)
  normalise(await nodePictures.decode(picture, preprocessing), preprocessing, planes)
  return planes
}
