import type { Section } from '../command.ts'
import { caption } from './caption.ts'
import { conceptsDetect, conceptsTrain } from './concepts.ts'
import { evalCommand } from './eval.ts'
import { features } from './features.ts'
import { prepare } from './prepare.ts'
import { represent } from './represent.ts'
import { test } from './test.ts'
import { train } from './train.ts'

/** All commands, in the order of the work. */
export const contents: readonly Section[] = [
  { heading: 'Pictures and words', commands: [prepare, features, conceptsTrain, conceptsDetect] },
  { heading: 'Captioner', commands: [train, test] },
  { heading: 'Use', commands: [caption, represent, evalCommand] },
]
