import type { ExplainedCaption } from '../../caption/captioner.ts'
import type { CaptionerConfig } from '../../models/config.ts'
import { explanationPage as page } from '../../pages/explanation-page.ts'
import { nodePictures } from './pictures.ts'

/** An HTML page, one file, that explains captions of a model: `explanationPage(captions, captioner.trained.config.model)`. */
export const explanationPage = (
  captions: readonly ExplainedCaption[],
  model: Pick<CaptionerConfig, 'basicModel' | 'mia'>,
): Promise<string> => page(nodePictures, captions, model)
