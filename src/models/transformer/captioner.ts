import {
  add,
  cast,
  constant,
  div,
  expand,
  gather,
  greater,
  iota,
  mul,
  reshape,
  type Shape,
  sum,
  type Tensor,
  transpose,
} from '../../graph/index.ts'
import type { KeysAndValues } from '../../nn/attention.ts'
import { dropout } from '../../nn/dropout.ts'
import { normal } from '../../nn/init.ts'
import { LayerNorm } from '../../nn/layernorm.ts'
import { keyBias } from '../../nn/mask.ts'
import type { Noise } from '../../nn/noise.ts'
import { positionEncoding } from '../../nn/positions.ts'
import { type Parameter, Scope } from '../../nn/scope.ts'
import type { CaptionModel, Forced, Step, Tensors } from '../contract.ts'
import { Encoder, type EncoderConfig } from '../encoder.ts'
import type { ImageTensors } from '../inputs.ts'
import { OutputLayer } from '../output-layer.ts'
import { DecoderLayer } from './decoder-layer.ts'
import { EncoderLayer } from './encoder-layer.ts'

/** The hyperparameters of the Transformer captioner; its heads and inner width are also MIA's. */
export interface TransformerConfig extends EncoderConfig {
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** layers of the encoder, and of the decoder */
  readonly layers: number
}

/**
 * The Transformer captioner (Vaswani et al. 2017 over image regions, as in Sharma et al. 2018 and in the table of the
 * MIA paper). An encoder of self-attention over the regions, or with MIA over the SGIR, and a decoder of causal
 * self-attention and attention over the encoded image. Layers are normalized first, regions have no positions, words
 * get √D times their embedding and a sinusoidal position. The computation is that of ImageCaptioning.pytorch (Luo et
 * al.), dropout of the regions excepted, which is the shared encoder's.
 *
 * force() computes all words in one causal pass. step() keeps the keys and values of the words so far in its state,
 * `[N, heads, W, D/heads]` for W words, which grow by one word a step.
 */
export class Transformer implements CaptionModel {
  readonly config: TransformerConfig
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly output: OutputLayer
  /** the word embedding `[W, D]` */
  readonly #words: Tensor
  readonly #encoder: Encoder
  readonly #encoderLayers: readonly EncoderLayer[]
  readonly #encoderNorm: LayerNorm
  readonly #decoderLayers: readonly DecoderLayer[]
  readonly #decoderNorm: LayerNorm

  /** Its parameters are in `scope`. */
  constructor(config: TransformerConfig, scope = new Scope()) {
    const { hiddenSize, vocabularySize, layers } = config
    const each = <T>(make: (name: string) => T): T[] => Array.from({ length: layers }, (_, i) => make(`layers.${i}`))
    const norm = (at: Scope): LayerNorm => new LayerNorm(at.at('norm'), hiddenSize, { unbiased: true })
    this.config = config
    this.parameters = scope.parameters
    this.#words = scope.parameter('words.weight', [vocabularySize, hiddenSize], normal(1 / Math.sqrt(hiddenSize)))
    const encoder = scope.at('encoder')
    this.#encoder = new Encoder(encoder, config)
    this.#encoderLayers = each((name) => new EncoderLayer(encoder.at(name), config))
    this.#encoderNorm = norm(encoder)
    const decoder = scope.at('decoder')
    this.#decoderLayers = each((name) => new DecoderLayer(decoder.at(name), config))
    this.#decoderNorm = norm(decoder)
    this.output = new OutputLayer(decoder.at('output'), hiddenSize, vocabularySize, 0)
  }

  /** The sizes of its image inputs. */
  get inputs(): TransformerConfig {
    return this.config
  }

  /**
   * The keys and values of each decoder layer over the encoded image, `memory.i.keys` and `memory.i.values`
   * `[B, heads, R, D/heads]`; `bias` `[B, 1, 1, R]` if there is padding; the encoded image itself, `memory`
   * `[B, R, D]`; and the tensors of Encoder.named().
   */
  encode(images: ImageTensors, noise?: Noise): Tensors {
    const encoded = this.#encoder.forward(images, this.#words, noise)
    const mask = encoded.masks.visual
    const bias = mask && keyBias(mask)
    const last = this.#encoderLayers.reduce((x, layer) => layer.forward(x, noise, bias), encoded.visual)
    const memory = this.#encoderNorm.forward(last)
    const each = this.#decoderLayers.map((layer, i) => named(MEMORY, i, layer.memory(memory)))
    return { ...this.#encoder.named(encoded), ...Object.assign({}, ...each), memory, ...(bias && { bias }) }
  }

  /** No words: `position` `[B, 1]` is 0, and each layer's `past.i.keys` and `past.i.values` are empty. */
  start({ memory }: Tensors): Tensors {
    const { hiddenSize, numHeads } = this.config
    const [images] = memory!.shape
    const none = expand(constant(0), [images!, numHeads, 0, hiddenSize / numHeads])
    const each = this.#decoderLayers.map((_, i) => named(PAST, i, { keys: none, values: none }))
    return { position: expand(constant(0), [images!, 1]), ...Object.assign({}, ...each) }
  }

  step(words: Tensor, encoded: Tensors, state: Tensors, noise?: Noise): Step {
    const { hiddenSize } = this.config
    const [rows] = words.shape
    const position = reshape(state.position!, [rows!, 1, 1])
    let x = this.#embed(reshape(words, [rows!, 1]), position, noise)
    const next: Record<string, Tensor> = { position: add(state.position!, 1) }
    let attention: Tensor | undefined
    for (const [i, layer] of this.#decoderLayers.entries()) {
      const context = { past: pick(PAST, i, state), memory: pick(MEMORY, i, encoded), memoryBias: encoded.bias }
      const output = layer.forward(x, context, noise)
      x = output.x
      attention = output.attention
      Object.assign(next, named(PAST, i, output.words))
    }
    const mean = meanOfHeads(attention!)
    return {
      hidden: reshape(this.#decoderNorm.forward(x), [rows!, hiddenSize]),
      state: next,
      attention: reshape(mean, [rows!, mean.shape[2]!]),
    }
  }

  force(words: Tensor, encoded: Tensors, captions: number, noise?: Noise): Forced {
    const [steps] = words.shape as [number, number | string]
    const positions = cast(reshape(iota(steps), [steps, 1]), 'float32')
    const later = greater(reshape(iota(steps), [1, steps]), reshape(iota(steps), [steps, 1]))
    const causal = mul(cast(later, 'float32'), -1e9)
    let x = this.#embed(transpose(words, [1, 0]), positions, noise)
    let attention: Tensor | undefined
    for (const [i, layer] of this.#decoderLayers.entries()) {
      const output = layer.forward(x, { causal, memory: pick(MEMORY, i, encoded), memoryBias: encoded.bias }, noise)
      x = output.x
      attention = output.attention
    }
    const sizes = [encoded.memory!.shape[0]!, captions, steps] as const
    return {
      hidden: stepsFirst(this.#decoderNorm.forward(x), sizes),
      attention: stepsFirst(meanOfHeads(attention!), sizes),
    }
  }

  /** Words `[N, M]` at `positions`, which broadcast to `[N, M, 1]` → `[N, M, D]`. */
  #embed(words: Tensor, positions: Tensor, noise: Noise | undefined): Tensor {
    const { hiddenSize, dropout: rate } = this.config
    const embedded = mul(gather(this.#words, words), Math.sqrt(hiddenSize))
    return dropout(add(embedded, positionEncoding(positions, hiddenSize)), rate, noise)
  }
}

/** Prefixes of names: keys and values of the encoded image, and of the words so far. */
const MEMORY = 'memory'
const PAST = 'past'

const named = (prefix: string, layer: number, { keys, values }: KeysAndValues): Tensors => ({
  [`${prefix}.${layer}.keys`]: keys,
  [`${prefix}.${layer}.values`]: values,
})

const pick = (prefix: string, layer: number, tensors: Tensors): KeysAndValues => ({
  keys: tensors[`${prefix}.${layer}.keys`]!,
  values: tensors[`${prefix}.${layer}.values`]!,
})

/** Attention `[B, heads, M, R]`, averaged over the heads → `[B, M, R]`. */
const meanOfHeads = (weights: Tensor): Tensor => div(sum(weights, [1]), weights.shape[1] as number)

/** Words of B images, caption by caption, with B*C*T rows of X numbers in all → step by step, `[B, T*C, X]`. */
function stepsFirst(x: Tensor, [images, captions, steps]: readonly [number | string, number, number]): Tensor {
  const size = x.shape.at(-1)!
  const shape: Shape = [images, captions, steps, size]
  return reshape(transpose(reshape(x, shape), [0, 2, 1, 3]), [images, captions * steps, size])
}
