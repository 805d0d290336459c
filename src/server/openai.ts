import * as v from 'valibot'
import { defineEndpoint, type Endpoint, json } from './endpoint.ts'
import { Failure } from './failure.ts'
import { captionPrompt, checkModel, streamed, wordsOf } from './prompt-caption.ts'

/** OpenAI's chat completions; fields that are not named here, such as temperature, are ignored. */
const PART = v.looseObject({
  type: v.string(),
  text: v.optional(v.string()),
  image_url: v.optional(
    v.looseObject({ url: v.pipe(v.string(), v.description('a data: URL in base64; no other is fetched')) }),
  ),
})
const LIMIT = v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.description('the most words of the caption')))
const CHAT = v.looseObject({
  model: v.pipe(v.string(), v.description('the name of the model, as in GET /v1/models')),
  messages: v.array(v.looseObject({ role: v.string(), content: v.nullish(v.union([v.string(), v.array(PART)])) })),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.optional(v.boolean()) })),
  n: v.nullish(v.pipe(v.number(), v.literal(1))),
  max_tokens: LIMIT,
  max_completion_tokens: LIMIT,
  response_format: v.nullish(v.looseObject({ type: v.string() })),
})

const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0))
const COMPLETION = v.object({
  id: v.string(),
  object: v.literal('chat.completion'),
  created: v.pipe(COUNT, v.description('Unix time in seconds')),
  model: v.string(),
  choices: v.array(
    v.object({
      index: COUNT,
      message: v.object({ role: v.literal('assistant'), content: v.string(), refusal: v.null() }),
      logprobs: v.null(),
      finish_reason: v.literal('stop'),
    }),
  ),
  usage: v.object({ prompt_tokens: COUNT, completion_tokens: COUNT, total_tokens: COUNT }),
})
const MODELS = v.object({
  object: v.literal('list'),
  data: v.array(v.object({ id: v.string(), object: v.literal('model'), created: COUNT, owned_by: v.string() })),
})

const EVENTS = 'text/event-stream'

const chat = defineEndpoint({
  method: 'POST',
  path: '/v1/chat/completions',
  dialect: 'openai',
  id: 'openaiChat',
  summary: "Caption the picture of the last message that has one, in OpenAI's form",
  body: CHAT,
  answer: { description: 'The caption as the message', schema: COMPLETION, types: [EVENTS] },
  async handle(call) {
    const { body, id } = call
    checkModel(body.model, call)
    const { type = 'text' } = body.response_format ?? {}
    if (type !== 'text')
      throw new Failure(400, `response_format is ${type.slice(0, 60)} and should be text: the answer is a caption`)
    const mostWords = body.max_completion_tokens ?? body.max_tokens ?? undefined
    const pictures = body.messages.map(({ content }) => picturesIn(content)).findLast(({ length }) => length > 0) ?? []
    const { caption, words } = await captionPrompt({ pictures, dataUrls: true, mostWords }, call)
    const head = { id: `chatcmpl-${id}`, created: seconds(new Date()), model: body.model }
    const usage = { prompt_tokens: 0, completion_tokens: words.length, total_tokens: words.length }
    if (!body.stream) {
      const message = { role: 'assistant', content: caption, refusal: null }
      const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }]
      return json({ ...head, object: 'chat.completion', choices, usage })
    }
    const chunk = (delta: object, finish_reason: string | null) => ({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    })
    const chunks: object[] = [
      chunk({ role: 'assistant', content: '' }, null),
      ...wordsOf(caption).map((content) => chunk({ content }, null)),
      chunk({}, 'stop'),
    ]
    if (body.stream_options?.include_usage)
      chunks.push({ ...head, object: 'chat.completion.chunk', choices: [], usage })
    return streamed([...chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`), 'data: [DONE]\n\n'], EVENTS)
  },
})

const models = defineEndpoint({
  method: 'GET',
  path: '/v1/models',
  dialect: 'openai',
  id: 'openaiModels',
  summary: "The model, in OpenAI's form",
  answer: { description: 'A list of one', schema: MODELS },
  handle: ({ service: { model, started } }) =>
    json({
      object: 'list',
      data: [{ id: model, object: 'model', created: seconds(started), owned_by: 'mia-caption' }],
    }),
})

/** The endpoints in OpenAI's form. */
export const OPENAI_ENDPOINTS: readonly Endpoint[] = [chat, models]

type Content = v.InferOutput<typeof CHAT>['messages'][number]['content']

/** The URLs of the pictures in a message. */
const picturesIn = (content: Content): string[] =>
  Array.isArray(content) ? content.flatMap(({ image_url }) => (image_url ? [image_url.url] : [])) : []

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)
