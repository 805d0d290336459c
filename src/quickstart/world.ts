import { join } from 'node:path'
import { writeFileAtomic } from '../disk/files.ts'
import type { Watch } from '../progress.ts'
import { Random } from '../random.ts'
import { Painter } from './draw.ts'
import { describeScene, drawScene, type Scene } from './scene.ts'

export interface World {
  /** by image id */
  readonly scenes: ReadonlyMap<string, Scene>
}

export interface WorldOptions extends Watch {
  readonly train: number
  readonly val: number
  readonly seed: number
}

/**
 * Writes a small world into a folder as COCO's files lie: `train2017/` and `val2017/` with pictures, `annotations/captions_*2017.json` with five captions
 * each. Every validation scene has a colour and a thing that training never shows together. The same seed gives the same world.
 */
export async function makeWorld(
  folder: string,
  { train, val, seed, onProgress, signal }: WorldOptions,
): Promise<World> {
  const painter = await Painter.load()
  const scenes = new Map<string, Scene>()
  const total = train + val
  for (const [split, count, first] of [
    ['train', train, 1],
    ['val', val, train + 1],
  ] as const) {
    const random = new Random(seed, first)
    const images: object[] = []
    const annotations: object[] = []
    for (let id = first; id < first + count; id++) {
      signal?.throwIfAborted()
      const scene = drawScene(random, split === 'val')
      scenes.set(String(id), scene)
      const file_name = `${String(id).padStart(12, '0')}.png`
      await writeFileAtomic(join(folder, `${split}2017`, file_name), await painter.draw(scene))
      images.push({ id, file_name })
      for (const caption of describeScene(scene))
        annotations.push({ id: annotations.length + 10 * first, image_id: id, caption })
      onProgress?.(scenes.size, total)
    }
    const file = join(folder, 'annotations', `captions_${split}2017.json`)
    await writeFileAtomic(file, JSON.stringify({ images, annotations }))
  }
  return { scenes }
}
