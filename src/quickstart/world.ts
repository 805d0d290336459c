import { join } from 'node:path'
import { writeFileAtomic } from '../disk/files.ts'
import type { Watch } from '../progress.ts'
import { Random } from '../random.ts'
import { Painter } from './draw.ts'
import { describeScene, drawScene, type Scene } from './scene.ts'

/** A world that was written to disk. */
export interface World {
  /** the scene of each picture, by image id */
  readonly scenes: ReadonlyMap<string, Scene>
}

/** The size of a world, and the seed of its scenes. */
export interface WorldOptions extends Watch {
  /** training pictures */
  readonly train: number
  /** validation pictures */
  readonly val: number
  readonly seed: number
}

/**
 * Writes a small world in COCO's layout: pictures in `train2017/` and `val2017/`, five captions per picture in
 * `annotations/captions_*2017.json`. Every validation scene has a held-out combination of thing and colour, see
 * isHeldOut(); no training scene has one. The same seed writes the same bytes.
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
