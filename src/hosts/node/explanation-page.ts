import type { ExplainedCaption } from '../../caption/photo-caption.ts'
import type { CaptionerConfig } from '../../models/config.ts'
import { explanationPage as page } from '../../pages/explanation-page.ts'
import { nodePictures } from './pictures.ts'

/**
 * An HTML page, one file, that shows what captions are based on: `explanationPage(captions,
 * captioner.trained.config.model)`. Throws UserError for more than 200 captions, and ImageError if an image can no
 * longer be read.
 */
export async function explanationPage(
  captions: readonly ExplainedCaption[],
  model: Pick<CaptionerConfig, 'basicModel' | 'mia'>,
): Promise<string> {
  let html = ''
  for await (const part of page(nodePictures, captions, model)) html += part
  return html
}
