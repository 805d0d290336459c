import type { Engine } from '../../engine/engine.ts'
import type { ImageInput, Pictures } from '../../engine/pictures.ts'
import { floatData, type Session } from '../../engine/session.ts'
import { floats } from '../../formats/host-value.ts'
import { equal, maxPool, reshape, topK, where } from '../../graph/index.ts'
import { suppress } from '../boxes.ts'
import { BUILTIN } from '../networks/builtin.ts'
import { INPUT, openPart, type Part } from '../networks/centernet/model.ts'
import { normalise, type Preprocessing, RGB255 } from '../preprocessing.ts'
import type { Detection, DetectOptions, Detector } from './detector.ts'

/** The width and height of the input; the file fixes them, because its head resizes to fixed sizes. */
const SIZE = 512
/** Pixels of the input per cell of the heat map. */
const STRIDE = 4
const SIDE = SIZE / STRIDE
const CLASSES = 80
/** Peaks kept before non-maximum suppression: enough that 100 boxes are left after it. */
const PEAKS = 300
/** Detections below this confidence are mostly noise. */
const MIN_CONFIDENCE = 0.1
/** Boxes of one class with a larger IoU are the same object. */
const MAX_IOU = 0.5

/** Max pooling over a cell and its eight neighbours. */
const NEIGHBOURS = {
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  before: [1, 1],
  after: [1, 1],
  ceil: false,
} as const

/**
 * The PEAKS highest peaks of the heat map, `scores` and `places`, and the `edges` of the boxes, `[1, 4, SIDE, SIDE]`. A
 * peak is a cell that is not less than its neighbours (Zhou et al. 2019, arXiv:1904.07850).
 */
const DETECTOR: Part = {
  name: 'detector',
  size: SIZE,
  recipe: { peaks: PEAKS },
  outputs(node) {
    const heat = node('tower_0/keypoints')
    const peaks = where(equal(heat, maxPool(heat, NEIGHBOURS)), heat, 0)
    const { values, indices } = topK(reshape(peaks, ['B', CLASSES * SIDE * SIDE]), PEAKS)
    return { scores: values, places: indices, edges: node('tower_0/wh') }
  },
}

const PREPROCESSING: Preprocessing = { width: SIZE, height: SIZE, ...RGB255 }

/** The built-in object detector: CenterNet (Zhou et al. 2019) on MobileNetV3, with COCO's classes. */
export class BuiltinDetector implements Detector {
  readonly name = BUILTIN
  readonly #session: Session
  readonly #pictures: Pictures

  private constructor(
    session: Session,
    pictures: Pictures,
    readonly sha256: string,
  ) {
    this.#session = session
    this.#pictures = pictures
  }

  /** Opens the detector. Throws UserError if its package is missing or damaged. */
  static async open(engine: Engine): Promise<BuiltinDetector> {
    const { session, sha256 } = await openPart(engine, DETECTOR)
    return new BuiltinDetector(session, engine.pictures, sha256)
  }

  async detect(input: ImageInput, { least, most }: DetectOptions): Promise<Detection[]> {
    const planes = new Float32Array(3 * SIZE * SIZE)
    normalise(await this.#pictures.decode(input, PREPROCESSING), PREPROCESSING, planes)
    const { scores, places, edges } = await this.#session.run({ [INPUT]: floats([1, 3, SIZE, SIZE], planes) })
    const found = decode(floatData(scores), places!.data as BigInt64Array, floatData(edges))
    const kept = suppress(found, MAX_IOU, most)
    const confident = kept.filter(({ score }) => score >= MIN_CONFIDENCE).length
    return kept.slice(0, Math.max(least, confident))
  }

  release(): void {
    this.#session.release()
  }
}

/** The box of each peak: `edges` has the distances from its cell to the left, top, right and bottom edge in pixels. */
function decode(scores: Float32Array, places: BigInt64Array, edges: Float32Array): Detection[] {
  return Array.from(scores, (score, i) => {
    const place = Number(places[i])
    const [label, cell] = [Math.floor(place / (SIDE * SIDE)), place % (SIDE * SIDE)]
    const [x, y] = [(cell % SIDE) * STRIDE, Math.floor(cell / SIDE) * STRIDE]
    const [left, top, right, bottom] = [0, 1, 2, 3].map((edge) => edges[edge * SIDE * SIDE + cell]!)
    const [x1, y1, x2, y2] = [x - left!, y - top!, x + right!, y + bottom!].map((pixel) => clamp(pixel / SIZE))
    const box = { left: x1!, top: y1!, right: x2!, bottom: y2! }
    return { box, label, score }
  }).filter(({ box, score }) => score > 0 && box.right > box.left && box.bottom > box.top)
}

const clamp = (fraction: number): number => Math.min(1, Math.max(0, fraction))
