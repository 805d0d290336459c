/** The two streams that describe an image. */
export type Stream = 'visual' | 'textual'

/** What makes one basic model differ from another (models of section 4.2 of the paper). */
export interface BasicModel {
  /** the stream whose mean the LSTM is fed before the first word */
  readonly condition?: Stream
  /** the stream whose mean is added to every word */
  readonly input: Stream
  /** the stream that each word attends to */
  readonly attention?: Stream
}

export const basicModels = {
  VisualAttention: { input: 'visual', attention: 'visual' },
  ConceptAttention: { input: 'textual', attention: 'textual' },
  VisualCondition: { input: 'visual', condition: 'textual' },
  ConceptCondition: { input: 'textual', condition: 'visual' },
  /** VisualAttention over the regions of a detector instead of the cells of a grid */
  VisualRegionalAttention: { input: 'visual', attention: 'visual' },
} as const satisfies Record<string, BasicModel>

export type BasicModelName = keyof typeof basicModels
