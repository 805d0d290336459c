export { type BeamOptions, beamSearch } from './beam-search.ts'
export type { StepInput, StepOutput, Stepper } from './stepper.ts'
export type { Hypothesis } from './trace.ts'
