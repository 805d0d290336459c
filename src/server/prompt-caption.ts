import type { ImageCaption } from '../caption/photo-caption.ts'
import { DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import type { Call } from './endpoint.ts'
import { Failure } from './failure.ts'
import { checkPicture, decodeBase64 } from './picture.ts'

/** A picture in a request of another API, and the most words that its caption may have. */
export interface PromptPicture {
  /** base64 text, or data: URLs of it */
  readonly pictures: readonly string[]
  readonly dataUrls: boolean
  readonly mostWords: number | undefined
}

/**
 * Captions the picture of a request in another API's form; the prompt is not looked at. Throws Failure unless there is
 * one picture.
 */
export async function captionPrompt(
  { pictures, dataUrls, mostWords }: PromptPicture,
  { service, signal }: Call,
): Promise<ImageCaption> {
  if (pictures.length !== 1)
    throw new Failure(
      400,
      `The request has ${pictures.length} pictures and should have one: "${service.model}" only captions pictures`,
    )
  const bytes = decodeBase64(pictures[0]!, dataUrls)
  await checkPicture(bytes, service)
  const maxLength = Math.min(DEFAULT_MAX_LENGTH, mostWords ?? DEFAULT_MAX_LENGTH)
  return service.captioner.caption(bytes, { maxLength, signal })
}

/** Throws Failure (404) if a client asks for another model. */
export function checkModel(asked: string, { service }: Pick<Call, 'service'>): void {
  if (asked !== service.model && asked !== `${service.model}:latest`)
    throw new Failure(404, `There is no model "${asked.slice(0, 60)}"; this server has "${service.model}"`)
}

/** The pieces of a streamed caption: its words, each but the first with a space before it. */
export const wordsOf = (caption: string): string[] => caption.split(' ').map((word, i) => (i === 0 ? word : ` ${word}`))

/** A streamed answer of text. */
export const streamed = (lines: readonly string[], type: string): Response => {
  const encoder = new TextEncoder()
  const stream = new ReadableStream({
    start(controller) {
      for (const line of lines) controller.enqueue(encoder.encode(line))
      controller.close()
    },
  })
  return new Response(stream, { headers: { 'Content-Type': type } })
}
