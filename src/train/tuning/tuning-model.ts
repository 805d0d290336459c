import type { Weights } from '../../caption/weights.ts'
import type { HostValue } from '../../formats/host-value.ts'
import {
  add,
  cast,
  clip,
  div,
  input,
  inputName,
  matmul,
  mean,
  mul,
  relu,
  replace,
  reshape,
  sub,
  sum,
  type Tensor,
  topological,
  transpose,
} from '../../graph/index.ts'
import { ConceptDetector } from '../../models/concept-detector.ts'
import { normal, xavierNormal, zeros } from '../../nn/init.ts'
import type { Noise } from '../../nn/noise.ts'
import { type Parameter, Scope } from '../../nn/scope.ts'
import type { TrainableNetwork } from '../../vision/networks/trainable.ts'
import { CAPTION_INPUTS, CaptionHead, type CaptionHeadConfig } from './caption-head.ts'

/** What a network is trained towards, and how. */
export interface TuningConfig {
  /** the tensor up to which the network stays as it is; without one, all of it is trained */
  readonly freeze?: string
  /** channels of a new layer on top of the network's, `relu(x·W + b)` of each cell; without one, there is none */
  readonly channels?: number
  /** words of captions to predict; none without captions */
  readonly words: number
  /** the grid of the teacher's map */
  readonly teacher?: { readonly rows: number; readonly columns: number; readonly size: number }
  /** a captioner that is trained with the network */
  readonly captioner?: CaptionHeadConfig
  /** weight of the words' loss, which is summed over the words, against the others, which are means */
  readonly wordWeight: number
  /** dropout of the features that the words are predicted from */
  readonly dropout: number
}

/** The losses of a batch, scalars; `loss` is what training minimises. */
export interface TuningLosses {
  readonly loss: Tensor
  /** mean squared error of the teacher's standardised map: the fraction of its variance that is not explained */
  readonly teacher?: Tensor
  /** binary cross-entropy in nats, summed over the words and averaged over the images with captions */
  readonly words?: Tensor
  /** cross-entropy of the captions in nats per word */
  readonly captions?: Tensor
}

/** What the losses are built for. */
export interface LossOptions {
  /** the type in which views are given: float16 if they were stored */
  readonly type: 'float16' | 'float32'
  /** time steps of the captions, their end counted; for a captioner */
  readonly steps?: number
}

/** The inputs of TuningModel.losses() whose first axis counts images. */
export const PER_IMAGE: ReadonlySet<string> = new Set(['start', 'teacher', 'labels', 'captioned', ...CAPTION_INPUTS])

/** What the names of the captioner's parameters begin with. */
export const CAPTIONER = 'captioner.'
/** What the names of the parameters of the words' detector begin with. */
export const WORDS = 'words.'

/** Whether a parameter belongs to the new layers, and not to the pretrained network. */
export const isNew = (name: string): boolean => NEW.some((prefix) => name.startsWith(prefix))
const NEW = ['compact.', 'towardsTeacher.', WORDS, CAPTIONER]

/**
 * A pretrained network with new layers: perhaps a compact one, whose output is then the features; a linear one from the
 * features to the teacher's map (Romero et al., "FitNets", ICLR 2015); a noisy-OR detector of the words (Fang et al.,
 * CVPR 2015); and a captioner. The linear layer serves training only, and so does the detector without a captioner.
 */
export class TuningModel {
  /** the trained weights of the network, under their names in its file, and those of the new layers */
  readonly parameters: ReadonlyMap<string, Parameter>
  /** the values of other graph inputs: weights that stay, tables */
  readonly constants: ReadonlyMap<string, HostValue>
  /** the tensor that training begins at: what the frozen part computes, or the images */
  readonly start: Tensor
  readonly config: TuningConfig
  readonly #network: TrainableNetwork
  /** the parameters that take the place of the network's weights */
  readonly #trained = new Map<Tensor, Tensor>()
  readonly #compact: { readonly weight: Tensor; readonly bias: Tensor } | undefined
  readonly #towardsTeacher: { readonly weight: Tensor; readonly bias: Tensor } | undefined
  readonly #detector: ConceptDetector | undefined
  readonly #captioner: CaptionHead | undefined

  /** `initial` are the values that parameters of new layers begin with, by name; the others begin at random. */
  constructor(network: TrainableNetwork, config: TuningConfig, initial: Weights = new Map()) {
    this.#network = network
    this.config = config
    this.start = config.freeze === undefined ? network.images : network.tensor(config.freeze)
    const scope = new Scope()
    for (const tensor of this.#trainedWeights()) {
      const name = inputName(tensor)!
      const { shape, data } = network.weights.get(name)!
      const known = scope.parameters.get(name)?.tensor // a graph may have several inputs of one name
      this.#trained.set(tensor, known ?? scope.parameter(name, shape, () => (data as Float32Array).slice()))
    }
    const own = network.regions.shape[2] as number
    const size = config.channels ?? own
    const layer = (name: string, from: number, to: number, init = xavierNormal) => ({
      weight: scope.parameter(`${name}.weight`, [to, from], init),
      bias: scope.parameter(`${name}.bias`, [to], zeros),
    })
    this.#compact = config.channels === undefined ? undefined : layer('compact', own, size, normal(Math.sqrt(2 / own)))
    this.#towardsTeacher = config.teacher && layer('towardsTeacher', size, config.teacher.size)
    if (config.words > 0) {
      const { words, dropout } = config
      const regions = network.rows * network.columns
      const detector = { featureSize: size, regions, paddedRegions: false, vocabularySize: words, dropout }
      this.#detector = new ConceptDetector(detector, scope.at('words'))
    }
    this.#captioner = config.captioner && new CaptionHead(config.captioner, scope.at('captioner'))
    this.parameters = new Map(
      [...scope.parameters].map(([name, parameter]) => {
        const known = initial.get(name)
        return [name, known ? { ...parameter, init: () => known.data.slice() } : parameter]
      }),
    )
    this.constants = new Map([...network.weights].filter(([name]) => !scope.parameters.has(name)))
  }

  /** The rows of the features' map. */
  get rows(): number {
    return this.#network.rows
  }

  /** The columns of the features' map. */
  get columns(): number {
    return this.#network.columns
  }

  /** The numbers of a region of the tuned network. */
  get size(): number {
    return this.config.channels ?? (this.#network.regions.shape[2] as number)
  }

  /** The features, `[B, R, F]`, of what the frozen part computed of B images. */
  features(start: Tensor): Tensor {
    const [regions] = replace([this.#network.regions], new Map([...this.#trained, [this.start, start]]))
    if (!this.#compact) return regions!
    const { weight, bias } = this.#compact
    return relu(add(matmul(regions!, weight, { transB: true }), bias))
  }

  /** The tuned features as a map `[B, F, rows, columns]`. */
  map(start: Tensor): Tensor {
    const { rows, columns } = this.#network
    return reshape(transpose(this.features(start), [0, 2, 1]), ['B', this.size, rows, columns])
  }

  /**
   * The graph input `start`, `[B, ...]` of the type in which views are given, as float32: float16 if they were stored.
   */
  startInput(type: 'float16' | 'float32'): Tensor {
    return cast(input('start', this.start.shape, type), 'float32')
  }

  /**
   * The losses of a batch, or of a part of it: summed over the parts, they and their gradients are those of the batch.
   * Graph inputs: `start`; `imagesTotal`, the images of the batch, an int32 scalar; with a teacher `teacher`
   * `[B, Rt, Ft]`, and `teacherMean` and `teacherScale` `[Ft]`, which standardise its channels; with words `labels`
   * `[B, W]` of 0 and 1, `captioned` `[B]`, 1 for images with captions, and `captionedTotal`, the number of those in
   * the batch, an int32 scalar; with a captioner those of CaptionHead.loss().
   */
  losses({ type, steps = 1 }: LossOptions, noise?: Noise): TuningLosses {
    const features = this.features(this.startInput(type))
    const teacher = this.config.teacher && this.#teacherLoss(features, type)
    const words = this.#detector && this.#wordLoss(features, noise)
    const captions = this.#captioner?.loss(features, steps, noise)
    const weighted = words && mul(words, this.config.wordWeight)
    const parts = [teacher, weighted, captions].filter((part) => part !== undefined)
    const loss = parts.reduce((a, b) => add(a, b))
    return { loss, ...(teacher && { teacher }), ...(words && { words }), ...(captions && { captions }) }
  }

  /** The probability of each word, `[B, W]`. */
  probabilities(type: 'float16' | 'float32'): Tensor {
    return this.#detector!.probabilities(this.features(this.startInput(type)))
  }

  #teacherLoss(features: Tensor, type: 'float16' | 'float32'): Tensor {
    const { rows, columns, size } = this.config.teacher!
    const cells = input('teacher', ['B', rows * columns, size], type)
    const standard = mul(sub(cast(cells, 'float32'), input('teacherMean', [size])), input('teacherScale', [size]))
    const target = this.#onOwnGrid(standard, rows, columns)
    const { weight, bias } = this.#towardsTeacher!
    const difference = sub(add(matmul(features, weight, { transB: true }), bias), target)
    return div(sum(mean(mul(difference, difference), [1, 2])), total('imagesTotal'))
  }

  /** Averages the teacher's cells over those of the network, if their grids differ. */
  #onOwnGrid(cells: Tensor, rows: number, columns: number): Tensor {
    const own = this.#network
    if (rows === own.rows && columns === own.columns) return cells
    return matmul(input('teacherGrid', [own.rows * own.columns, rows * columns]), cells)
  }

  #wordLoss(features: Tensor, noise: Noise | undefined): Tensor {
    const labels = input('labels', ['B', this.config.words])
    const perImage = sum(this.#detector!.losses(features, labels, noise), [1])
    return div(sum(mul(perImage, input('captioned', ['B']))), clip(total('captionedTotal'), 1, 2 ** 30))
  }

  /** The network's trainable weights behind the frozen part. */
  #trainedWeights(): Tensor[] {
    const order = topological([this.#network.regions], new Set([this.start]))
    return order.flatMap(({ outputs: [tensor] }) => {
      const name = tensor && inputName(tensor)
      return name !== undefined && this.#network.trainable.has(name) ? [tensor!] : []
    })
  }
}

/** A count of the whole batch, a graph input. */
const total = (name: string): Tensor => cast(input(name, [], 'int32'), 'float32')
