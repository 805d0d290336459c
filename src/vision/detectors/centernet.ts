import type { Engine } from '../../engine/engine.ts'
import type { ImageInput, Pictures } from '../../engine/pictures.ts'
import { floatData, type Session } from '../../engine/session.ts'
import { floats } from '../../formats/host-value.ts'
import { equal, maxPool, reshape, topK, where } from '../../graph/ops/index.ts'
import { suppress } from '../boxes.ts'
import { BUILTIN, INPUT, openPart, type Part } from '../networks/builtin/model.ts'
import { normalise, type Preprocessing, rgb255 } from '../preprocessing.ts'
import type { Detection, DetectOptions, Detector } from './detector.ts'

/** The pictures' width and height: the head stretches its maps to sizes that are written in the file. */
const SIZE = 512
/** Pixels between the cells of the heat map. */
const STRIDE = 4
const SIDE = SIZE / STRIDE
const CLASSES = 80
/** Peaks looked at: enough that 100 are left where many show one object. */
const PEAKS = 300
/** Objects below this confidence are noise, kept only to reach the least number that is wanted. */
const SURE = 0.1
/** Boxes of one class that overlap more are one object. */
const SAME_OBJECT = 0.5

const AROUND = {
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  before: [1, 1],
  after: [1, 1],
  ceil: false,
} as const

/** The peaks of the heat map, cells that are the largest of the nine around them (Zhou et al. 2019, arXiv:1904.07850), and the boxes' edges. */
const part: Part = {
  name: 'detector',
  size: SIZE,
  recipe: { peaks: PEAKS },
  outputs(node) {
    const heat = node('tower_0/keypoints')
    const peaks = where(equal(heat, maxPool(heat, AROUND)), heat, 0)
    const { values, indices } = topK(reshape(peaks, ['B', CLASSES * SIDE * SIDE]), PEAKS)
    return { scores: values, places: indices, edges: node('tower_0/wh') }
  },
}

const PREPROCESSING: Preprocessing = { width: SIZE, height: SIZE, ...rgb255 }

/** The object detector CenterNet that comes with npm. */
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

  /** Throws UserError where its package is missing or damaged. */
  static async open(engine: Engine): Promise<BuiltinDetector> {
    const { session, sha256 } = await openPart(engine, part)
    return new BuiltinDetector(session, engine.pictures, sha256)
  }

  /** The objects of a picture, most confident first: those above 10%, at least `least` and at most `most`. Throws ImageError as Pictures.decode() does. */
  async detect(input: ImageInput, { least, most }: DetectOptions): Promise<Detection[]> {
    const planes = new Float32Array(3 * SIZE * SIZE)
    normalise(await this.#pictures.decode(input, PREPROCESSING), PREPROCESSING, planes)
    const { scores, places, edges } = await this.#session.run({ [INPUT]: floats([1, 3, SIZE, SIZE], planes) })
    const found = decode(floatData(scores), places!.data as BigInt64Array, floatData(edges))
    const kept = suppress(found, SAME_OBJECT, most)
    const sure = kept.filter(({ score }) => score >= SURE).length
    return kept.slice(0, Math.max(least, sure))
  }

  release(): void {
    this.#session.release()
  }
}

/** The box of each peak: from its cell so many pixels to the left, up, right and down. */
function decode(scores: Float32Array, places: BigInt64Array, edges: Float32Array): Detection[] {
  return Array.from(scores, (score, i) => {
    const place = Number(places[i])
    const [label, cell] = [Math.floor(place / (SIDE * SIDE)), place % (SIDE * SIDE)]
    const [x, y] = [(cell % SIDE) * STRIDE, Math.floor(cell / SIDE) * STRIDE]
    const [left, top, right, bottom] = [0, 1, 2, 3].map((edge) => edges[edge * SIDE * SIDE + cell]!)
    const part = (pixel: number): number => Math.min(1, Math.max(0, pixel / SIZE))
    const box = { left: part(x - left!), top: part(y - top!), right: part(x + right!), bottom: part(y + bottom!) }
    return { box, label, score }
  }).filter(({ box, score }) => score > 0 && box.right > box.left && box.bottom > box.top)
}
