import type { Section } from '../command.ts'
import { conceptsDetect, conceptsTrain } from './concepts.ts'
import { evalCommand } from './eval.ts'
import { features } from './features.ts'
import { prepare } from './prepare.ts'

/** All commands, in the order of the work. */
export const contents: readonly Section[] = [
  { heading: 'Pictures and words', commands: [prepare, features, conceptsTrain, conceptsDetect] },
  { heading: 'Use', commands: [evalCommand] },
]
