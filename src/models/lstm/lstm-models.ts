import type { Stream } from '../encoder.ts'

/** What distinguishes the basic models of the paper (section 4.2), which all are an LstmCaptioner. */
export interface LstmModel {
  /** the stream whose mean is the LSTM's input before the first word; without it the state starts at zero */
  readonly condition?: Stream
  /** the stream whose mean is added to every word embedding */
  readonly input: Stream
  /** the stream that each word attends to; without it there is no attention */
  readonly attention?: Stream
}

/**
 * The basic models of the paper by name. VisualRegionalAttention is VisualAttention over the regions of an object
 * detector instead of the cells of a feature map.
 */
export const LSTM_MODELS = {
  VisualAttention: { input: 'visual', attention: 'visual' },
  ConceptAttention: { input: 'textual', attention: 'textual' },
  VisualCondition: { input: 'visual', condition: 'textual' },
  ConceptCondition: { input: 'textual', condition: 'visual' },
  VisualRegionalAttention: { input: 'visual', attention: 'visual' },
} as const satisfies Record<string, LstmModel>

/** The name of a basic model of the paper. */
export type LstmModelName = keyof typeof LSTM_MODELS

/** A basic model of the paper by its name. */
export const lstmModel = (name: LstmModelName): LstmModel => LSTM_MODELS[name]
