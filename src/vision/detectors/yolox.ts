import type { Engine } from '../../engine/engine.ts'
import type { ImageInput, Pictures } from '../../engine/pictures.ts'
import { EngineError, floatData, type HostValues, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats, type HostValue } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { counted } from '../../wording.ts'
import { suppress } from '../boxes.ts'
import { BGR255, normalise } from '../preprocessing.ts'
import type { Detection, DetectOptions, Detector } from './detector.ts'

/** Pixels of the input per cell, of each of the three output scales. */
const STRIDES = [8, 16, 32]
/** The grey around a picture that is not square. */
const PADDING = 114
/** Detections below this confidence are mostly noise. */
const MIN_CONFIDENCE = 0.05
/** Boxes of one class with a larger IoU are the same object. */
const MAX_IOU = 0.65
/** A cell's numbers before the classes: centre x and y, log width and height, objectness. */
const BOX_NUMBERS = 5

/** Width and height of a picture in its letterbox, as fractions of the square. */
interface Scale {
  readonly x: number
  readonly y: number
}

/** The object detector YOLOX (Ge et al. 2021, arXiv:2107.08430), from an ONNX file that outputs raw boxes. */
export class Yolox implements Detector {
  readonly name: string
  readonly sha256: string
  readonly #session: Session
  readonly #pictures: Pictures
  readonly #size: number

  private constructor(file: Pick<Detector, 'name' | 'sha256'>, session: Session, pictures: Pictures, size: number) {
    this.name = file.name
    this.sha256 = file.sha256
    this.#session = session
    this.#pictures = pictures
    this.#size = size
  }

  /**
   * Opens a detector whose input is `size` x `size` pixels. Throws UserError if the file cannot be read, is not ONNX,
   * or is another network than YOLOX of that size.
   */
  static async open({ runtime, pictures, assets }: Engine, path: string, size = 416): Promise<Yolox> {
    const bytes = await assets.read(path, 'detector')
    const session = await runtime.load(bytes).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error
      throw new UserError(`Cannot read detector "${path}": it is not an ONNX file that can be run (${error.message})`)
    })
    try {
      const file = { name: assets.resolve(path), sha256: await sha256(bytes) }
      const detector = new Yolox(file, session, pictures, size)
      await detector.#run(new Float32Array(3 * size * size)) // refuses another network before the first picture
      return detector
    } catch (error) {
      session.release()
      throw error
    }
  }

  async detect(input: ImageInput, { least, most }: DetectOptions): Promise<Detection[]> {
    const { pixels, scale } = await letterbox(this.#pictures, input, this.#size)
    const planes = new Float32Array(pixels.length)
    normalise(pixels, { width: this.#size, height: this.#size, ...BGR255 }, planes)
    const kept = suppress(decode(await this.#run(planes), this.#size, scale), MAX_IOU, most)
    const confident = kept.filter(({ score }) => score >= MIN_CONFIDENCE).length
    return kept.slice(0, Math.max(least, confident))
  }

  release(): void {
    this.#session.release()
  }

  /** Runs the network; returns its raw boxes, `[cells, BOX_NUMBERS + classes]`. */
  async #run(planes: Float32Array): Promise<Float32Array> {
    const size = this.#size
    const refuse = (fault: string): never => {
      throw new UserError(`Cannot use detector "${this.name}": ${fault}; give YOLOX of ${size} x ${size} pixels`)
    }
    const [input, ...others] = this.#session.inputNames
    if (input === undefined || others.length > 0) refuse(`it has ${counted(this.#session.inputNames.length, 'input')}`)
    const outputs = await this.#session
      .run({ [input!]: floats([1, 3, size, size], planes) })
      .catch((error: unknown): HostValues => {
        if (error instanceof EngineError) refuse(error.message)
        throw error
      })
    const [output] = Object.values(outputs)
    if (!isRawBoxes(output, size))
      refuse(
        `its output is ${output?.dtype} [${output?.shape.join(', ')}], not float32 [1, ${cellsOf(size)}, 5 + classes]`,
      )
    return floatData(output)
  }
}

const cellsOf = (size: number): number => STRIDES.reduce((sum, stride) => sum + (size / stride) ** 2, 0)

function isRawBoxes(output: HostValue | undefined, size: number): boolean {
  const [batch, cells, numbers = 0, ...more] = output?.shape ?? []
  const isFloat = output?.dtype === 'float32'
  return isFloat && batch === 1 && cells === cellsOf(size) && numbers > BOX_NUMBERS && more.length === 0
}

/** Fits a picture, with its aspect ratio, into the top left corner of a grey square; returns RGB `[size, size, 3]`. */
async function letterbox(
  pictures: Pictures,
  input: ImageInput,
  size: number,
): Promise<{ readonly pixels: Uint8Array; readonly scale: Scale }> {
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

/**
 * Decodes raw boxes to the box and the best class of every cell. A cell predicts its box's centre, in cells from its
 * own corner, and the logarithms of its width and height in cells.
 */
function decode(output: Float32Array, size: number, scale: Scale): Detection[] {
  const numbers = output.length / cellsOf(size)
  const detections: Detection[] = []
  let at = 0
  for (const stride of STRIDES)
    for (let row = 0; row < size / stride; row++)
      for (let column = 0; column < size / stride; column++, at += numbers) {
        const [x, y] = [(output[at]! + column) * stride, (output[at + 1]! + row) * stride]
        const [w, h] = [Math.exp(output[at + 2]!) * stride, Math.exp(output[at + 3]!) * stride]
        const classes = at + BOX_NUMBERS
        let label = 0
        for (let c = 1; c < numbers - BOX_NUMBERS; c++) if (output[classes + c]! > output[classes + label]!) label = c
        const fraction = (pixel: number, side: number): number => Math.min(1, Math.max(0, pixel / size / side))
        const box = {
          left: fraction(x - w / 2, scale.x),
          top: fraction(y - h / 2, scale.y),
          right: fraction(x + w / 2, scale.x),
          bottom: fraction(y + h / 2, scale.y),
        }
        if (box.right > box.left && box.bottom > box.top)
          detections.push({ box, label, score: output[at + 4]! * output[classes + label]! })
      }
  return detections
}
