import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { onnxModel } from '../onnx/onnx-models.ts'

const COLOURS = { red: '#f00', green: '#0f0', blue: '#00f', white: '#fff', black: '#000' }
type Colour = keyof typeof COLOURS
const names = Object.keys(COLOURS) as Colour[]

/**
 * Writes a dataset in the format of Flickr8k into `folder`, of images with one colour above another, a CNN that makes
 * 2 x 2 regions of them, and a list of the colours.
 */
export async function makeSmallWorld(folder: string): Promise<void> {
  await mkdir(join(folder, 'images'), { recursive: true })
  const pairs = names.flatMap((over) => names.map((under) => [over, under] as const))
  for (const split of ['train', 'dev']) {
    const files: string[] = []
    for (const [over, under] of pairs) {
      const file = `${split}_${over}_${under}.jpg`
      files.push(file)
      await writeFile(join(folder, 'images', file), await picture(over, under, split === 'train' ? 16 : 24))
    }
    await writeFile(join(folder, `Flickr_8k.${split}Images.txt`), `${files.join('\n')}\n`)
  }
  const captions = ['train', 'dev'].flatMap((split) =>
    pairs.flatMap(([over, under]) => [
      `${split}_${over}_${under}.jpg#0\tSomething ${over} over something ${under} .`,
      `${split}_${over}_${under}.jpg#1\t${over} is over ${under}`,
    ]),
  )
  await writeFile(join(folder, 'Flickr8k.token.txt'), `${captions.join('\n')}\n`)
  await writeFile(join(folder, 'colours.txt'), names.join('\n'))
  await writeFile(join(folder, 'network.onnx'), network())
}

const picture = (over: Colour, under: Colour, size: number): Promise<Buffer> =>
  sharp({ create: { width: size, height: size, channels: 3, background: COLOURS[under] } })
    .composite([
      {
        input: { create: { width: size, height: size / 2, channels: 3, background: COLOURS[over] } },
        gravity: 'north',
      },
    ])
    .jpeg()
    .toBuffer()

/** A CNN of one convolution: the mean of each channel over each quarter of the image, and its negative. */
export function network(scale = 1): Uint8Array {
  const cells = 8 * 8
  const values = [1, -1].flatMap((sign) =>
    [0, 1, 2].flatMap((out) =>
      [0, 1, 2].flatMap((channel) => Array(cells).fill(out === channel ? (scale * sign) / cells : 0)),
    ),
  )
  return onnxModel({
    nodes: [
      { type: 'Conv', inputs: ['x', 'w'], output: 'map', attrs: { kernel_shape: [8, 8], strides: [8, 8] } },
      { type: 'Relu', inputs: ['map'], output: 'features' },
    ],
    stored: { w: { shape: [6, 3, 8, 8], values } },
    output: 'features',
    inputs: { x: [1, 3, 16, 16] },
  })
}
