import { floats, type HostValue } from '../../src/formats/host-value.ts'
import { relu, reshape, slice, type Tensor } from '../../src/graph/index.ts'
import type { CaptionModel, Forced, Step, Tensors } from '../../src/models/contract.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import type { ImageSizes, ImageTensors } from '../../src/models/inputs.ts'
import { OutputLayer } from '../../src/models/output-layer.ts'
import { UpDownDecoder, type UpDownEncoded, type UpDownState } from '../../src/models/updown/decoder.ts'
import { zeros } from '../../src/nn/init.ts'
import { Linear } from '../../src/nn/linear.ts'
import { rowMask } from '../../src/nn/mask.ts'
import { Scope } from '../../src/nn/scope.ts'
import { type openPeer, PEER_REGIONS } from './peers.ts'

type Peer = ReturnType<typeof openPeer>

/** Our form of a captioner of the golden values. */
export interface PeerModel {
  /** the model for a vocabulary; with fewer regions than PEER_REGIONS there is no padding */
  make(vocabularySize: number, regions?: number): CaptionModel
  /** the features of all images, `[B, PEER_REGIONS, F]`, padding with zeros */
  features(peer: Peer): Float32Array
  /** a value of the file in our parameter's place, which may be some columns of it; undefined if it has none */
  value(peer: Peer, prefix: string, parameter: string): Float32Array | undefined
}

/** All weights of a model from a file. */
export function peerWeights(peer: Peer, { value }: PeerModel, model: CaptionModel): Map<string, HostValue> {
  return new Map(
    [...model.parameters.values()].map(({ name, shape }) => [name, floats(shape, value(peer, 'param', name)!)]),
  )
}

const renamed = (parts: readonly (readonly [RegExp, string])[], name: string): string =>
  parts.reduce((changed, [part, published]) => changed.replace(part, published), name)

const TRANSFORMER_PARTS = [
  [/^words\./, 'model.tgt_embed.0.lut.'],
  [/^encoder\.image\./, 'att_embed.0.'],
  [/^decoder\.output\./, 'model.generator.proj.'],
  [/^(encoder|decoder)\.(layers|norm)/, 'model.$1.$2'],
  [/(encoder\.layers\.\d+)\.norm\./, '$1.sublayer.0.norm.'],
  [/(encoder\.layers\.\d+)\.feedForward\.norm\./, '$1.sublayer.1.norm.'],
  [/(decoder\.layers\.\d+)\.selfNorm\./, '$1.sublayer.0.norm.'],
  [/(decoder\.layers\.\d+)\.imageNorm\./, '$1.sublayer.1.norm.'],
  [/(decoder\.layers\.\d+)\.feedForward\.norm\./, '$1.sublayer.2.norm.'],
  [/norm\.weight$/, 'norm.a_2'],
  [/norm\.bias$/, 'norm.b_2'],
  [/\.(attention|self)\.(?=query|key|value|output)/, '.self_attn.linears.'],
  [/\.image\.(?=query|key|value|output)/, '.src_attn.linears.'],
  [/linears\.query/, 'linears.0'],
  [/linears\.key/, 'linears.1'],
  [/linears\.value/, 'linears.2'],
  [/linears\.output/, 'linears.3'],
  [/\.feedForward\.inner\./, '.feed_forward.w_1.'],
  [/\.feedForward\.outer\./, '.feed_forward.w_2.'],
] as const

export const transformer: PeerModel = {
  make: (vocabularySize, regions = PEER_REGIONS) =>
    createCaptioner({
      basicModel: 'Transformer',
      mia: false,
      iterations: 1,
      miaAttention: 'mutual',
      miaForm: 'code',
      conceptConfidences: false,
      regions,
      paddedRegions: regions === PEER_REGIONS,
      concepts: 1,
      featureSize: 12,
      vocabularySize,
      hiddenSize: 24,
      numHeads: 4,
      innerSize: 48,
      attentionSize: 1,
      layers: 2,
      dropout: 0,
      miaDropout: 0,
    }),
  features: (peer) => peer.features(),
  value(peer, prefix, parameter) {
    const name = `${prefix}.${renamed(TRANSFORMER_PARTS, parameter)}`
    return peer.has(name) ? peer.numbers(name) : undefined
  },
}

const [HIDDEN, WORD, GLOBAL, ATTENTION, FEATURE] = [24, 20, 14, 16, 12]

/** Up-Down with a global feature of its own: the numbers behind those of each region. */
class UpDownWithGlobal implements CaptionModel {
  readonly #scope = new Scope()
  readonly parameters = this.#scope.parameters
  readonly inputs: ImageSizes
  readonly output: OutputLayer
  readonly #padded: boolean
  readonly #image: Linear
  readonly #decoder: UpDownDecoder

  constructor(vocabularySize: number, regions: number) {
    const decoder = this.#scope.at('decoder')
    this.inputs = { regions, featureSize: FEATURE + GLOBAL, concepts: 1 }
    this.#padded = regions === PEER_REGIONS
    this.#image = new Linear(this.#scope.at('encoder').at('image'), FEATURE, HIDDEN)
    const words = this.#scope.parameter('words.weight', [vocabularySize, WORD], zeros)
    const sizes = { hiddenSize: HIDDEN, wordSize: WORD, globalSize: GLOBAL, attentionSize: ATTENTION, dropout: 0 }
    this.#decoder = new UpDownDecoder(decoder, words, sizes)
    this.output = new OutputLayer(decoder.at('output'), HIDDEN, vocabularySize, 0)
  }

  encode({ features }: ImageTensors): UpDownEncoded {
    const visual = relu(this.#image.forward(slice(features, 2, 0, FEATURE)))
    const first = slice(slice(features, 1, 0, 1), 2, FEATURE, FEATURE + GLOBAL)
    const global = reshape(first, [features.shape[0]!, GLOBAL])
    return this.#decoder.encode(visual, this.#padded ? rowMask(features) : undefined, global)
  }

  start({ gates }: Tensors): UpDownState {
    return this.#decoder.start(gates!.shape[0]!)
  }

  step(words: Tensor, encoded: UpDownEncoded, state: UpDownState): Step {
    return this.#decoder.step(words, encoded, state)
  }

  force(words: Tensor, encoded: UpDownEncoded, captions: number): Forced {
    return this.#decoder.force(words, encoded, captions)
  }
}

const UPDOWN_PARTS = [
  [/^words\./, 'embed.0.'],
  [/^encoder\.image\./, 'att_embed.0.'],
  [/^decoder\.global\./, 'fc_embed.0.'],
  [/^decoder\.attentionLstm\./, 'core.att_lstm.'],
  [/^decoder\.languageLstm\./, 'core.lang_lstm.'],
  [/^decoder\.attention\.region\./, 'ctx2att.'],
  [/^decoder\.attention\.hidden\./, 'core.attention.h2att.'],
  [/^decoder\.attention\.score\./, 'core.attention.alpha_net.'],
  [/^decoder\.output\./, 'logit.'],
] as const

/** The columns of the attention LSTM's input weight: h2, the global feature, the word. */
const COLUMNS: Readonly<Record<string, readonly [number, number]>> = {
  'decoder.languageGates.weight': [0, HIDDEN],
  'decoder.globalGates.weight': [HIDDEN, 2 * HIDDEN],
  'decoder.attentionLstm.weight_ih': [2 * HIDDEN, 2 * HIDDEN + WORD],
}

export const upDown: PeerModel = {
  make: (vocabularySize, regions = PEER_REGIONS) => new UpDownWithGlobal(vocabularySize, regions),
  features: (peer) =>
    peer.features((image) => peer.numbers('in.fc_feats').subarray(image * GLOBAL, (image + 1) * GLOBAL)),
  value(peer, prefix, parameter) {
    const columns = COLUMNS[parameter]
    const name = `${prefix}.${columns ? 'core.att_lstm.weight_ih' : renamed(UPDOWN_PARTS, parameter)}`
    if (!peer.has(name)) return undefined
    const numbers = peer.numbers(name)
    if (!columns) return numbers
    const width = 2 * HIDDEN + WORD
    return numbers.filter((_, i) => i % width >= columns[0] && i % width < columns[1])
  },
}
