import type { Stream } from '../encoder.ts'

/** What makes one basic model differ from another (section 4.2 of the paper). */
export interface BasicModel {
  /** the stream whose mean the LSTM gets before the first word */
  readonly condition?: Stream
  /** the stream whose mean is added to every word */
  readonly input: Stream
  /** the stream that each word attends to */
  readonly attention?: Stream
}

/** The basic models of the paper by name. VisualRegionalAttention is VisualAttention over a detector's regions instead of a grid's cells. */
export const BASIC_MODELS = {
  VisualAttention: { input: 'visual', attention: 'visual' },
  ConceptAttention: { input: 'textual', attention: 'textual' },
  VisualCondition: { input: 'visual', condition: 'textual' },
  ConceptCondition: { input: 'textual', condition: 'visual' },
  VisualRegionalAttention: { input: 'visual', attention: 'visual' },
} as const satisfies Record<string, BasicModel>

/** The name of a basic model. */
export type BasicModelName = keyof typeof BASIC_MODELS

/** A basic model by its name. */
export const basicModel = (name: BasicModelName): BasicModel => BASIC_MODELS[name]
