import type { ExplainedCaption } from '../caption/photo-caption.ts'
import type { Pictures } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { inOrder } from '../vision/in-order.ts'
import { thousands } from '../wording.ts'
import { attendsToConcepts, explanationArticle } from './explanation-article.ts'
import { EXPLANATION_SCRIPT } from './explanation-script.ts'
import { EXPLANATION_STYLE } from './explanation-style.ts'
import { escapeHtml } from './html.ts'
import { documentParts } from './layout.ts'

/** The most pictures on a page: one of 200 has some 30 MB, and browsers get slow beyond. */
export const MAX_EXPLAINED = 200

const PICTURE_SIZE = 640
/** Pictures read ahead: enough to keep two cores busy while memory stays flat. */
const READ_AHEAD = 4

/** Throws UserError if a page would have more than MAX_EXPLAINED pictures; for callers to ask before the work. */
export function checkExplained(pictures: number): void {
  if (pictures > MAX_EXPLAINED)
    throw new UserError(
      `Cannot explain ${thousands(pictures)} pictures on one page: the limit is ${MAX_EXPLAINED}; ` +
        'give fewer pictures, or make several pages',
    )
}

/**
 * An HTML page, part by part, that shows what captions are based on: for each word the regions that the model attended
 * to, and with MIA the concepts that each region attends to, before mutual attention and after it. The page is one file
 * that fetches nothing. The pictures are read again, a few at a time. Throws UserError for more than MAX_EXPLAINED
 * captions, and ImageError if a picture can no longer be read.
 */
export async function* explanationPage(
  pictures: Pictures,
  captions: readonly ExplainedCaption[],
  config: Pick<CaptionerConfig, 'basicModel' | 'mia'>,
): AsyncGenerator<string> {
  checkExplained(captions.length)
  const model = `${config.basicModel}${config.mia ? ' with MIA' : ''}`
  const overConcepts = attendsToConcepts(config)
  yield* documentParts(`Why these captions: ${model}`, {
    style: EXPLANATION_STYLE,
    body: pageBody(pictures, captions, model, overConcepts),
    script: EXPLANATION_SCRIPT,
  })
}

async function* pageBody(
  pictures: Pictures,
  captions: readonly ExplainedCaption[],
  model: string,
  overConcepts: boolean,
): AsyncGenerator<string> {
  yield `<header>
<h1>Why these captions</h1>
<p>${escapeHtml(model)}. ${lead(captions[0], overConcepts)}</p>
</header>
<main>
`
  const withThumbnail = async (caption: ExplainedCaption, i: number) =>
    explanationArticle(caption, i, { picture: await pictures.thumbnail(caption.input, PICTURE_SIZE), overConcepts })
  for await (const html of inOrder(captions.entries(), ([i, caption]) => withThumbnail(caption, i), READ_AHEAD))
    yield `${html}\n`
  yield '</main>'
}

/** How to read the page. All captions come from one model, so the first decides. */
function lead(first: ExplainedCaption | undefined, overConcepts: boolean): string {
  const attention = !first?.explanation.words
    ? 'This model does not attend word by word: it gets the picture as a whole.'
    : overConcepts
      ? 'Under each word are the concepts that the model attended to most.'
      : 'Above each word, the picture is bright where the model attended.'
  const alignment = first?.explanation.alignment
    ? ' Point at a region of the large picture, or focus it and press the arrow keys, to see its concepts.'
    : ''
  return `${attention} The percentage after a word is its probability.${alignment}`
}
