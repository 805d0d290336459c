import { floatData, type Runtime, type Session } from '../engine/session.ts'
import type { HostValue } from '../formats/host-value.ts'
import { input } from '../graph/index.ts'
import { cast, topK } from '../graph/ops/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { toOnnx } from '../onnx/export.ts'

/** A trained detector ready to run. */
export class ConceptInference {
  readonly #session: Session
  readonly #detector: ConceptDetector

  private constructor(detector: ConceptDetector, session: Session) {
    this.#detector = detector
    this.#session = session
  }

  /** `weights` by parameter name; `most` words of each image are found by best(). */
  static async load(
    runtime: Runtime,
    detector: ConceptDetector,
    weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>,
    most: number,
  ): Promise<ConceptInference> {
    const { regions, featureSize } = detector.config
    const features = cast(input('features', ['B', regions, featureSize], 'float16'), 'float32')
    const probabilities = detector.probabilities(features)
    const { values, indices } = topK(probabilities, most)
    return new ConceptInference(
      detector,
      await runtime.load(toOnnx({ probabilities, scores: values, words: cast(indices, 'int32') }, weights)),
    )
  }

  /** The probability of each word `[B, words]`; `features` are float16 `[B, R, F]`. */
  async probabilities(features: Uint16Array): Promise<Float32Array> {
    return floatData((await this.#run(features, ['probabilities'])).probabilities)
  }

  /** The most probable words of each image, as places in the list of words, best first, and their probabilities: both `[B, most]`. */
  async best(features: Uint16Array): Promise<{ words: Int32Array; scores: Float32Array }> {
    const { words, scores } = await this.#run(features, ['words', 'scores'])
    return { words: words!.data as Int32Array, scores: floatData(scores) }
  }

  release(): void {
    this.#session.release()
  }

  #run(data: Uint16Array, wanted: readonly string[]) {
    const { regions, featureSize } = this.#detector.config
    const features: HostValue = {
      dtype: 'float16',
      shape: [data.length / (regions * featureSize), regions, featureSize],
      data,
    }
    return this.#session.run({ features }, { wanted })
  }
}
