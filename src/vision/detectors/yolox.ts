import type { Engine } from '../../engine/engine.ts'
import type { ImageInput, Pictures } from '../../engine/pictures.ts'
import { floatData, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { suppress } from '../boxes.ts'
import { bgr255, normalise } from '../preprocessing.ts'
import type { Detection, DetectOptions, Detector } from './detector.ts'

const STRIDES = [8, 16, 32]
const PADDING = 114
/** Boxes below this confidence are noise, kept only to reach the least number that is wanted. */
const SURE = 0.05
/** Boxes of one class that overlap more are one object. */
const SAME_OBJECT = 0.65

/** The object detector YOLOX (Ge et al. 2021, arXiv:2107.08430), from an ONNX file that outputs raw boxes. */
export class Yolox implements Detector {
  readonly #session: Session
  readonly #pictures: Pictures
  readonly #size: number

  private constructor(
    /** the full name of the file */
    readonly name: string,
    readonly sha256: string,
    session: Session,
    pictures: Pictures,
    size: number,
  ) {
    this.#session = session
    this.#pictures = pictures
    this.#size = size
  }

  /** Opens a network that takes pictures of `size` x `size` pixels. Throws UserError if there is no file or it is another network. */
  static async open({ runtime, pictures, assets }: Engine, path: string, size = 416): Promise<Yolox> {
    const bytes = await assets.read(path, 'detector')
    const session = await runtime.load(bytes).catch((error: Error) => {
      throw new UserError(`Cannot read detector "${path}": it is not an ONNX file that can be run (${error.message})`)
    })
    const detector = new Yolox(assets.resolve(path), await sha256(bytes), session, pictures, size)
    try {
      await detector.#run(new Float32Array(3 * size * size)) // throws for another network, before the first picture
    } catch (error) {
      detector.release()
      throw error
    }
    return detector
  }

  /** The objects of a picture, most confident first: those above 5%, at least `least` and at most `most`. Throws ImageError as Pictures.decode() does. */
  async detect(input: ImageInput, { least, most }: DetectOptions): Promise<Detection[]> {
    const { pixels, scale } = await letterbox(this.#pictures, input, this.#size)
    const planes = new Float32Array(pixels.length)
    normalise(pixels, { width: this.#size, height: this.#size, ...bgr255 }, planes)
    const kept = suppress(decode(await this.#run(planes), this.#size, scale), SAME_OBJECT, most)
    const sure = kept.filter(({ score }) => score >= SURE).length
    return kept.slice(0, Math.max(least, sure))
  }

  release(): void {
    this.#session.release()
  }

  /** `[cells, 5 + classes]` of all strides. */
  async #run(planes: Float32Array): Promise<Float32Array> {
    const { inputNames } = this.#session
    const cells = STRIDES.reduce((sum, stride) => sum + (this.#size / stride) ** 2, 0)
    const results = await this.#session
      .run({ [inputNames[0]!]: floats([1, 3, this.#size, this.#size], planes) })
      .catch((error: Error) => {
        throw new UserError(`Cannot use detector "${this.name}": ${error.message}; give YOLOX of ${this.#size} pixels`)
      })
    const [output] = Object.values(results)
    if (output?.shape[1] !== cells || output.shape[2]! <= 5)
      throw new UserError(
        `Cannot use detector "${this.name}": it gives [${output?.shape.join(', ')}], YOLOX would give [1, ${cells}, 5 + classes]`,
      )
    return floatData(output)
  }
}

/** A picture with its proportions kept, at the top left of a grey square; `scale` is its width and height in parts of the square. */
async function letterbox(
  pictures: Pictures,
  input: ImageInput,
  size: number,
): Promise<{ pixels: Uint8Array; scale: { x: number; y: number } }> {
  const original = await pictures.size(input)
  const ratio = size / Math.max(original.width, original.height)
  const width = Math.max(1, Math.floor(original.width * ratio))
  const height = Math.max(1, Math.floor(original.height * ratio))
  const picture = await pictures.decode(input, { width, height })
  const pixels = new Uint8Array(3 * size * size).fill(PADDING)
  for (let row = 0; row < height; row++)
    pixels.set(picture.subarray(3 * width * row, 3 * width * (row + 1)), 3 * size * row)
  return { pixels, scale: { x: width / size, y: height / size } }
}

/** Every cell's box and best class. A cell says where its box's centre is, in cells from its own corner, and the logarithms of its sides in cells. */
function decode(output: Float32Array, size: number, scale: { x: number; y: number }): Detection[] {
  const cells = STRIDES.reduce((sum, stride) => sum + (size / stride) ** 2, 0)
  const width = output.length / cells
  const found: Detection[] = []
  let at = 0
  for (const stride of STRIDES)
    for (let row = 0; row < size / stride; row++)
      for (let column = 0; column < size / stride; column++, at += width) {
        const [x, y] = [(output[at]! + column) * stride, (output[at + 1]! + row) * stride]
        const [w, h] = [Math.exp(output[at + 2]!) * stride, Math.exp(output[at + 3]!) * stride]
        let label = 0
        for (let c = 1; c < width - 5; c++) if (output[at + 5 + c]! > output[at + 5 + label]!) label = c
        const inPicture = (value: number, part: number): number => Math.min(1, Math.max(0, value / size / part))
        const box = {
          left: inPicture(x - w / 2, scale.x),
          top: inPicture(y - h / 2, scale.y),
          right: inPicture(x + w / 2, scale.x),
          bottom: inPicture(y + h / 2, scale.y),
        }
        if (box.right > box.left && box.bottom > box.top)
          found.push({ box, label, score: output[at + 4]! * output[at + 5 + label]! })
      }
  return found
}
