import { UserError } from '../errors.ts'
import { toFloat16 } from '../runtime/float16.ts'
import type { Run } from '../train/run.ts'
import {
  decodeImage,
  describeSource,
  type FeatureSource,
  ImageError,
  type Network,
  normalise,
  openDetector,
  openNetwork,
  RegionFinder,
  type Regions,
  sameSource,
  sourceOf,
} from '../vision/index.ts'

/** Where the networks of a run are, if they are not where they were when it was trained. */
export interface NetworkPaths {
  readonly cnn?: string
  readonly detector?: string
}

/** Regions with their boxes, whether a grid's cells or a detector's objects. */
export type SeenRegions = Pick<Regions, 'features'> & { readonly boxes: Float32Array }

/** Looks at photographs as a run was trained to. */
export interface Eye {
  /** The regions of each photograph, or why it cannot be read. */
  look(images: readonly (string | Buffer)[]): Promise<(SeenRegions | ImageError)[]>
  release(): void
}

/** Opens what a run sees with. Throws UserError where a network is missing or is another. */
export async function openEye(run: Run, { cnn, detector }: NetworkPaths): Promise<Eye> {
  const { features } = run.config
  if ('kind' in features && features.kind === 'bottom-up')
    throw new UserError(
      `Cannot use run "${run.folder}" on pictures: it takes ${describeSource(features)}, which were not made here; test it with "mia test"`,
    )
  const { width, height, channels, mean, std } = features.preprocessing
  const path = cnn ?? features.network.file
  const options = { layer: features.layer, width, height, normalisation: { channels, mean, std } }
  const network = await found(openNetwork(path, options), '--cnn', cnn, run, features.network.sha256)
  if (!('kind' in features)) return new GridEye(checked(network, sourceOf(network), run, `network "${path}"`))
  const file = detector ?? features.detector.file
  const objects = await found(openDetector(file), '--detector', detector, run, features.detector.sha256)
  const finder = new RegionFinder(objects, network, { position: features.position })
  return new ObjectEye(checked(finder, finder.source, run, `network "${path}" and detector "${file}"`))
}

/** A network that is being opened; where it is not where it was, the error says how to give it. */
const found = <T>(
  opening: Promise<T>,
  option: string,
  given: string | undefined,
  run: Run,
  sha256: string,
): Promise<T> =>
  opening.catch((error: unknown) => {
    if (given !== undefined || !(error instanceof UserError)) throw error
    throw new UserError(
      `Cannot use run "${run.folder}" on pictures: ${error.message}; give the file (sha256 ${sha256.slice(0, 12)}) with ${option}`,
    )
  })

function checked<T>(eye: T, source: FeatureSource, { folder, config }: Run, what: string): T {
  if (sameSource(source, config.features)) return eye
  throw new UserError(
    `Cannot use run "${folder}" with ${what}: its features are ${describeSource(source)}; the run needs ${describeSource(config.features)}`,
  )
}

/** Cells of a grid, all photographs at once. */
class GridEye implements Eye {
  readonly #network: Network
  readonly #boxes: Float32Array

  constructor(network: Network) {
    this.#network = network
    this.#boxes = cells(network)
  }

  async look(images: readonly (string | Buffer)[]): Promise<(SeenRegions | ImageError)[]> {
    const { input, regions, size } = this.#network
    const decoded = await Promise.all(images.map((image) => orImageError(decodeImage(image, input))))
    const length = 3 * input.width * input.height
    const readable = decoded.filter((picture) => !(picture instanceof ImageError))
    if (readable.length === 0) return decoded as ImageError[]
    const planes = new Float32Array(readable.length * length)
    for (const [i, picture] of readable.entries())
      normalise(picture as Uint8Array, input, planes.subarray(i * length, (i + 1) * length))
    const features = toFloat16(await this.#network.run(planes, readable.length))
    let next = 0
    return decoded.map((picture) => {
      if (picture instanceof ImageError) return picture
      const at = next++ * regions * size
      return { features: features.subarray(at, at + regions * size), boxes: this.#boxes }
    })
  }

  release(): void {
    this.#network.release()
  }
}

/** Objects, found photograph by photograph. */
class ObjectEye implements Eye {
  readonly #finder: RegionFinder

  constructor(finder: RegionFinder) {
    this.#finder = finder
  }

  look(images: readonly (string | Buffer)[]): Promise<(SeenRegions | ImageError)[]> {
    return Promise.all(images.map((image) => orImageError(this.#finder.find(image) as Promise<SeenRegions>)))
  }

  release(): void {
    this.#finder.release()
  }
}

const orImageError = <T>(work: Promise<T>): Promise<T | ImageError> =>
  work.catch((error: unknown) => {
    if (error instanceof ImageError) return error
    throw error
  })

/** The boxes of a grid's cells, row by row. */
function cells({ columns, regions }: Network): Float32Array {
  const rows = regions / columns
  return Float32Array.from(
    Array.from({ length: regions }, (_, i) => {
      const [left, top] = [(i % columns) / columns, Math.floor(i / columns) / rows]
      return [left, top, left + 1 / columns, top + 1 / rows]
    }).flat(),
  )
}
