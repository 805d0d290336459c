// How many of the objects that people marked in pictures does our region finder find? Usage: tsx bench/recall.ts [COCO folder] [YOLOX file, or builtin]

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { type Box, iou } from '../src/vision/boxes.ts'
import { openDetector } from '../src/vision/index.ts'

interface Instances {
  readonly images: readonly { id: number; file_name: string; width: number; height: number }[]
  readonly annotations: readonly {
    image_id: number
    category_id: number
    bbox: [number, number, number, number]
    iscrowd: number
  }[]
  readonly categories: readonly { id: number }[]
}

/** Found objects overlap a marked one at least this much. */
const ENOUGH = 0.5

/**
 * The part of the marked objects that a box overlaps, that a box of the right class overlaps, and how many boxes a picture has, of the first `most`
 * pictures.
 */
export async function recall(
  coco: string,
  detectorFile: string,
  most = Number.POSITIVE_INFINITY,
): Promise<{ boxes: number; classes: number; regions: number; objects: number }> {
  const annotations = join(coco, 'annotations')
  const file = (await readdir(annotations)).find((name) => /^instances_.*\.json$/.test(name))!
  const {
    images: all,
    annotations: marked,
    categories,
  } = JSON.parse(await readFile(join(annotations, file), 'utf8')) as Instances
  const images = all.slice(0, most)
  const classes = categories.map(({ id }) => id).sort((a, b) => a - b) // the network's classes are COCO's in the order of their ids
  const detector = await openDetector(nodeEngine, detectorFile)
  const total = { boxes: 0, classes: 0, regions: 0, objects: 0 }
  for (const { id, file_name, width, height } of images) {
    const found = await detector.detect(join(coco, /instances_(.*)\.json/.exec(file)![1]!, file_name), {
      least: 10,
      most: 100,
    })
    total.regions += found.length / images.length
    for (const { category_id, bbox } of marked.filter(({ image_id, iscrowd }) => image_id === id && !iscrowd)) {
      const [x, y, w, h] = bbox
      const object: Box = { left: x / width, top: y / height, right: (x + w) / width, bottom: (y + h) / height }
      const hits = found.filter(({ box }) => iou(box, object) >= ENOUGH)
      total.objects += 1
      if (hits.length > 0) total.boxes += 1
      if (hits.some(({ label }) => classes[label] === category_id)) total.classes += 1
    }
  }
  detector.release()
  return { ...total, boxes: total.boxes / total.objects, classes: total.classes / total.objects }
}

if (process.argv[1] === import.meta.filename) {
  const [coco = '../shared/data/coco-mini', file = '../shared/weights/yolox_nano_coco.onnx'] = process.argv.slice(2)
  const { boxes, classes, regions, objects } = await recall(coco, file)
  console.log(
    `recall of ${objects} objects at IoU ${ENOUGH}: ${boxes.toFixed(3)}, with the right class ${classes.toFixed(3)}; ${regions.toFixed(1)} regions a picture`,
  )
}
