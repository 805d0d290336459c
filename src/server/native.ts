import type { CaptionText, ExplainedCaption, ImageCaption } from '../caption/photo-caption.ts'
import type { Representation } from '../caption/representer.ts'
import { defineEndpoint, type Endpoint, json } from './endpoint.ts'
import { Failure } from './failure.ts'
import { checkPicture } from './picture.ts'
import { CAPTION, CAPTION_QUERY, REPRESENTATION } from './schemas.ts'
import { searchOfQuery } from './search-query.ts'

const caption = defineEndpoint({
  method: 'POST',
  path: '/v1/caption',
  dialect: 'mia',
  id: 'caption',
  summary: 'Caption a picture',
  query: CAPTION_QUERY,
  body: 'picture',
  answer: { description: 'The caption', schema: CAPTION },
  async handle({ service, query: { explain, ...search }, body, signal }) {
    const { captioner } = service
    const options = { ...searchOfQuery(search, captioner.trained.vocabulary), signal }
    await checkPicture(body, service)
    if (!explain) return json(captionJson(await captioner.caption(body, options)))
    const explained = await captioner.explain(body, options)
    return json({ ...captionJson(explained), explanation: explanationJson(explained) })
  },
})

const represent = defineEndpoint({
  method: 'POST',
  path: '/v1/represent',
  dialect: 'mia',
  id: 'represent',
  summary: 'The semantic-grounded representation of a picture',
  description: 'For a captioner with MIA; any other answers 404.',
  body: 'picture',
  answer: { description: 'The representation', schema: REPRESENTATION },
  async handle({ service, body, signal }) {
    if (!service.captioner.trained.config.model.mia)
      throw new Failure(404, 'This captioner has no MIA, and so no such representations')
    await checkPicture(body, service)
    const { tensors, concepts } = await service.captioner.represent(body, { signal })
    return json({ concepts, tensors: Object.fromEntries([...tensors].map(([name, each]) => [name, tensorJson(each)])) })
  },
})

/** The endpoints of our own API. */
export const NATIVE_ENDPOINTS: readonly Endpoint[] = [caption, represent]

const captionJson = ({ alternatives, concepts, ...text }: ImageCaption): object => ({
  ...textJson(text),
  alternatives: alternatives.map(textJson),
  concepts,
})

const textJson = ({ caption, confidence, probability, words }: CaptionText): object => ({
  caption,
  confidence,
  probability,
  words,
})

function explanationJson({ explanation, boxes, allConcepts }: ExplainedCaption): object {
  const { words, alignment } = explanation
  const square = (data: Float32Array): number[][] => rows(data, Math.sqrt(data.length))
  return {
    boxes: rows(boxes, 4),
    concepts: allConcepts,
    words: words?.map((each) => Array.from(each, short)) ?? null,
    alignment: alignment ? { before: square(alignment.before), after: square(alignment.after) } : null,
  }
}

const tensorJson = ({ shape, data }: Representation): object => ({ shape, data: Array.from(data, short) })

function rows(data: Float32Array, size: number): number[][] {
  return Array.from({ length: data.length / size }, (_, i) =>
    Array.from(data.subarray(i * size, (i + 1) * size), short),
  )
}

/** A float32 in seven digits: more would say nothing, and take twice the bytes. */
const short = (value: number): number => Number(value.toPrecision(7))
