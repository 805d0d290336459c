import type { Section } from '../command.ts'
import { caption } from './caption.ts'
import { card } from './card.ts'
import { conceptsDetect, conceptsTrain } from './concepts.ts'
import { doctor } from './doctor.ts'
import { evalCommand } from './eval.ts'
import { features } from './features.ts'
import { models } from './models.ts'
import { prepare } from './prepare.ts'
import { quickstart } from './quickstart.ts'
import { represent } from './represent.ts'
import { test } from './test.ts'
import { train } from './train.ts'

/** All commands, in the order of the work. */
export const contents: readonly Section[] = [
  { heading: 'First of all', commands: [quickstart, doctor] },
  { heading: 'Pictures and words', commands: [prepare, features, conceptsTrain, conceptsDetect] },
  { heading: 'Captioner', commands: [train, test, card] },
  { heading: 'Use', commands: [caption, represent, evalCommand, models] },
]
