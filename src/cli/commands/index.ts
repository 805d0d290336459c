import type { Section } from '../command.ts'
import { caption } from './caption.ts'
import { card } from './card.ts'
import { cnnTune } from './cnn-tune.ts'
import { compare } from './compare.ts'
import { conceptsDetect, conceptsTrain } from './concepts.ts'
import { dataCoco } from './data.ts'
import { doctor } from './doctor.ts'
import { evalCommand } from './eval.ts'
import { exportCommand } from './export.ts'
import { features } from './features.ts'
import { models } from './models.ts'
import { prepare } from './prepare.ts'
import { quickstart } from './quickstart.ts'
import { report } from './report.ts'
import { represent } from './represent.ts'
import { serve } from './serve.ts'
import { test } from './test.ts'
import { train } from './train.ts'

/** All commands by section, as `mia --help` lists them: first what needs no data, then the pipeline in order. */
export const contents: readonly Section[] = [
  { heading: 'Start here', commands: [caption, quickstart, doctor] },
  {
    heading: 'Prepare a dataset',
    commands: [dataCoco, prepare, features, cnnTune, conceptsTrain, conceptsDetect],
  },
  { heading: 'Train and evaluate', commands: [train, report, test, compare, evalCommand, models] },
  { heading: 'Share and reuse', commands: [serve, card, exportCommand, represent] },
]
