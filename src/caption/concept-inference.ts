import { CompiledGraph } from '../engine/compiled.ts'
import { floatData, intData, type Runtime } from '../engine/session.ts'
import { cast, topK } from '../graph/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { featuresInput, featuresValue } from '../models/inputs.ts'
import type { Initializer } from '../onnx/export.ts'

/** A trained concept detector, compiled. */
export class ConceptInference {
  readonly #graph: CompiledGraph
  readonly #detector: ConceptDetector

  private constructor(detector: ConceptDetector, graph: CompiledGraph) {
    this.#detector = detector
    this.#graph = graph
  }

  /** Compiles a detector with its weights, by parameter name; best() finds `most` words of each image. */
  static async load(
    runtime: Runtime,
    detector: ConceptDetector,
    weights: ReadonlyMap<string, Initializer>,
    most: number,
  ): Promise<ConceptInference> {
    const probabilities = detector.probabilities(featuresInput(detector.config))
    const { values, indices } = topK(probabilities, most)
    const outputs = { probabilities, scores: values, words: cast(indices, 'int32') }
    return new ConceptInference(detector, await CompiledGraph.load(runtime, outputs, weights))
  }

  /** The probability of each word `[B, W]`; `features` are float16 bits `[B, R, F]`. */
  async probabilities(features: Uint16Array): Promise<Float32Array> {
    const feeds = { features: featuresValue(this.#detector.config, features) }
    return floatData((await this.#graph.run(feeds, { wanted: ['probabilities'] })).probabilities)
  }

  /**
   * The most probable words of each image as indices into the list of words, best first, and their probabilities: both
   * `[B, most]`.
   */
  async best(features: Uint16Array): Promise<{ words: Int32Array; scores: Float32Array }> {
    const feeds = { features: featuresValue(this.#detector.config, features) }
    const { words, scores } = await this.#graph.run(feeds, { wanted: ['words', 'scores'] })
    return { words: intData(words), scores: floatData(scores) }
  }

  /** Frees the compiled graph. */
  release(): void {
    this.#graph.release()
  }
}
