import type { Stream } from './encoder.ts'
import { LSTM_MODELS, type LstmModel } from './lstm/lstm-models.ts'

/** What a program that trains, runs or explains a captioner must know of it by its name. */
export interface BasicModel {
  /** the streams of an image that it reads without MIA */
  readonly streams: readonly Stream[]
  /** the stream that each word attends to; without it there is no attention */
  readonly attention?: Stream
  /** the published hyperparameters in which it differs from PUBLISHED_MODEL */
  readonly published?: { readonly attentionSize?: number; readonly dropout?: number }
}

const ofPaper = (model: LstmModel): BasicModel => ({
  streams: [model.input, model.condition, model.attention].flatMap((stream) => stream ?? []),
  ...(model.attention && { attention: model.attention }),
})

/** The captioners by the names of `--basic-model` and `config.json`; createCaptioner() makes them. */
export const BASIC_MODELS: Readonly<Record<BasicModelName, BasicModel>> = {
  VisualAttention: ofPaper(LSTM_MODELS.VisualAttention),
  ConceptAttention: ofPaper(LSTM_MODELS.ConceptAttention),
  VisualCondition: ofPaper(LSTM_MODELS.VisualCondition),
  ConceptCondition: ofPaper(LSTM_MODELS.ConceptCondition),
  VisualRegionalAttention: ofPaper(LSTM_MODELS.VisualRegionalAttention),
  UpDown: { streams: ['visual'], attention: 'visual', published: { attentionSize: 512 } },
  Transformer: { streams: ['visual'], attention: 'visual', published: { dropout: 0.1 } },
}

/** The name of a captioner. */
export type BasicModelName = keyof typeof LSTM_MODELS | 'UpDown' | 'Transformer'

/** All names, in the order of BASIC_MODELS. */
export const BASIC_MODEL_NAMES = Object.keys(BASIC_MODELS) as readonly BasicModelName[]
