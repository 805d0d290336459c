import type { HostValues } from '../../engine/session.ts'
import { fromFloat16 } from '../../formats/float16.ts'
import { floats, type HostValue, ints } from '../../formats/host-value.ts'
import { averageGrid } from '../../vision/networks/centernet/average-grid.ts'
import { bucketOf } from '../buckets.ts'
import { captionLengths, captionsOf, captionValues } from './caption-values.ts'
import type { TuningModel } from './tuning-model.ts'
import type { TuningPictures } from './tuning-pictures.ts'
import type { TuningPicture, View, Views } from './views.ts'

/** Views read at once while the statistics of the teacher's channels are measured. */
const READ_AT_ONCE = 32
/** The least standard deviation of a channel: dividing by less would amplify the noise of channels that hardly vary. */
const MIN_DEVIATION = 1e-2

/** Makes the inputs of TuningModel.losses() from views. */
export class TuningBatches {
  readonly #model: TuningModel
  readonly #words: readonly string[]
  readonly #views: Views
  readonly #tables: HostValues
  /** the time steps that captions are padded to */
  readonly #lengths: readonly number[]

  private constructor(model: TuningModel, { train, val, words }: TuningPictures, views: Views, tables: HostValues) {
    this.#model = model
    this.#words = words
    this.#lengths = captionLengths([...train, ...val])
    this.#views = views
    this.#tables = tables
  }

  /** Measures mean and standard deviation of the teacher's channels on `sample`, if there is a teacher. */
  static async open(
    model: TuningModel,
    pictures: TuningPictures,
    views: Views,
    sample: readonly View[],
  ): Promise<TuningBatches> {
    const { teacher } = model.config
    if (!teacher) return new TuningBatches(model, pictures, views, {})
    const { rows, columns, size } = teacher
    const [sums, squares] = [new Float64Array(size), new Float64Array(size)]
    for (let first = 0; first < sample.length; first += READ_AT_ONCE) {
      const numbers = numbersOf((await views.read(sample.slice(first, first + READ_AT_ONCE))).teacher!)
      for (let i = 0; i < numbers.length; i++) {
        sums[i % size]! += numbers[i]!
        squares[i % size]! += numbers[i]! ** 2
      }
    }
    const cells = sample.length * rows * columns
    const means = Float32Array.from(sums, (sum) => sum / cells)
    const scales = Float32Array.from(
      squares,
      (square, i) => 1 / Math.max(MIN_DEVIATION, Math.sqrt(Math.max(0, square / cells - means[i]! ** 2))),
    )
    return new TuningBatches(model, pictures, views, {
      teacherMean: floats([size], means),
      teacherScale: floats([size], scales),
      ...gridTable(model, rows, columns),
    })
  }

  /** The words that are predicted from a picture. */
  get words(): readonly string[] {
    return this.#words
  }

  /** The type in which views are given. */
  get type(): Views['type'] {
    return this.#views.type
  }

  /** The time steps that every caption fits into; 1 without captions. */
  get longest(): number {
    return this.#lengths.at(-1) ?? 1
  }

  /** The time steps that the captions of some views are padded to; 1 without captions. */
  stepsOf(views: readonly View[]): number {
    const { captioner } = this.#model.config
    if (!captioner) return 1
    const words = views.flatMap((view) => captionsOf(view, captioner).map(({ length }) => length))
    return bucketOf(Math.max(...words) + 1, this.#lengths)!
  }

  /** The inputs of a batch of views, with captions padded to `steps` time steps. */
  async read(views: readonly View[], steps = this.stepsOf(views)): Promise<HostValues> {
    const { start, teacher } = await this.#views.read(views)
    const { config } = this.#model
    const count = views.length
    const pictures = views.map(({ picture }) => picture)
    const captioned: number[] = pictures.map(({ words }) => (words ? 1 : 0))
    return {
      ...this.#tables,
      imagesTotal: ints(count),
      start: shaped(start, [count, ...(this.#model.start.shape.slice(1) as number[])]),
      ...(config.teacher && {
        teacher: shaped(teacher!, [count, config.teacher.rows * config.teacher.columns, config.teacher.size]),
      }),
      ...(config.captioner && captionValues(views, config.captioner, steps)),
      ...(config.words > 0 && {
        labels: floats([count, config.words], this.labels(pictures)),
        captioned: floats([count], Float32Array.from(captioned)),
        captionedTotal: ints(captioned.reduce((a, b) => a + b, 0)),
      }),
    }
  }

  /** 1 for each word of each picture's captions, `[pictures, W]`. */
  labels(pictures: readonly TuningPicture[]): Float32Array {
    const labels = new Float32Array(pictures.length * this.#words.length)
    for (const [i, picture] of pictures.entries())
      for (const [j, word] of this.#words.entries())
        if (picture.words?.has(word)) labels[i * this.#words.length + j] = 1
    return labels
  }
}

const shaped = ({ dtype, data }: HostValue, shape: readonly number[]): HostValue => ({ dtype, data, shape })

const numbersOf = ({ data }: HostValue): Float32Array =>
  data instanceof Float32Array ? data : fromFloat16(data as Uint16Array)

/** The table that averages the teacher's cells over those of the network, if their grids differ. */
function gridTable({ rows, columns }: TuningModel, teacherRows: number, teacherColumns: number): HostValues {
  if (rows === teacherRows && columns === teacherColumns) return {}
  const table = averageGrid([rows, columns], [teacherRows, teacherColumns])
  return { teacherGrid: floats([rows * columns, teacherRows * teacherColumns], table) }
}
