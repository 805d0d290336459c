import * as v from 'valibot'
import type { ImageCaption } from '../caption/photo-caption.ts'
import { type Call, defineEndpoint, type Endpoint, json } from './endpoint.ts'
import { Failure } from './failure.ts'
import { captionPrompt, checkModel, streamed, wordsOf } from './prompt-caption.ts'
import type { Service } from './service.ts'

/** Ollama's API as its documentation says (docs/api.md of github.com/ollama/ollama); other fields are ignored. */
const OPTIONS = v.optional(
  v.looseObject({
    num_predict: v.optional(v.pipe(v.number(), v.integer(), v.description('the most words of the caption'))),
  }),
)
const MODEL = v.pipe(v.string(), v.description('the name of the model, as in GET /api/tags'))
const STREAM = v.optional(v.pipe(v.boolean(), v.description('answer in lines of JSON, word by word')), true)
const FORMAT = v.optional(v.unknown())
const IMAGES = v.optional(v.pipe(v.array(v.string()), v.description('one picture in base64')), [])

const GENERATE = v.looseObject({
  model: MODEL,
  prompt: v.optional(v.pipe(v.string(), v.description('not looked at')), ''),
  images: IMAGES,
  stream: STREAM,
  format: FORMAT,
  options: OPTIONS,
})

const CHAT = v.looseObject({
  model: MODEL,
  messages: v.optional(
    v.array(v.looseObject({ role: v.string(), content: v.optional(v.string(), ''), images: IMAGES })),
    [],
  ),
  stream: STREAM,
  format: FORMAT,
  options: OPTIONS,
})

const SHOW = v.looseObject({ model: v.optional(MODEL), name: v.optional(v.string()) })

const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0))
const DONE = {
  model: v.string(),
  created_at: v.string(),
  done: v.boolean(),
  done_reason: v.optional(v.string()),
  total_duration: v.optional(v.pipe(COUNT, v.description('nanoseconds'))),
  load_duration: v.optional(COUNT),
  prompt_eval_count: v.optional(COUNT),
  prompt_eval_duration: v.optional(COUNT),
  eval_count: v.optional(v.pipe(COUNT, v.description('words'))),
  eval_duration: v.optional(COUNT),
}
const GENERATED = v.object({ ...DONE, response: v.string() })
const CHATTED = v.object({ ...DONE, message: v.object({ role: v.literal('assistant'), content: v.string() }) })
const DETAILS = v.object({
  parent_model: v.string(),
  format: v.string(),
  family: v.string(),
  families: v.array(v.string()),
  parameter_size: v.string(),
  quantization_level: v.string(),
})
const TAGS = v.object({
  models: v.array(
    v.object({
      name: v.string(),
      model: v.string(),
      modified_at: v.string(),
      size: v.pipe(COUNT, v.description('bytes of its weights')),
      digest: v.string(),
      details: DETAILS,
    }),
  ),
})
const SHOWN = v.object({
  modelfile: v.string(),
  parameters: v.string(),
  template: v.string(),
  details: DETAILS,
  model_info: v.record(v.string(), v.unknown()),
  capabilities: v.array(v.string()),
  modified_at: v.string(),
})

const LINES = ['application/x-ndjson']

const generate = defineEndpoint({
  method: 'POST',
  path: '/api/generate',
  dialect: 'ollama',
  id: 'ollamaGenerate',
  summary: "Caption a picture, in Ollama's form",
  body: GENERATE,
  answer: { description: 'The caption as the response', schema: GENERATED, types: LINES },
  handle: (call) => answer(call, call.body.images, call.body.prompt === '', (response) => ({ response })),
})

const chat = defineEndpoint({
  method: 'POST',
  path: '/api/chat',
  dialect: 'ollama',
  id: 'ollamaChat',
  summary: "Caption the picture of the last message that has one, in Ollama's form",
  body: CHAT,
  answer: { description: 'The caption as the message', schema: CHATTED, types: LINES },
  handle: (call) => {
    const { messages } = call.body
    const images = messages.findLast((message) => message.images.length > 0)?.images ?? []
    return answer(call, images, messages.length === 0, (content) => ({ message: { role: 'assistant', content } }))
  },
})

const tags = defineEndpoint({
  method: 'GET',
  path: '/api/tags',
  dialect: 'ollama',
  id: 'ollamaTags',
  summary: "The model, in Ollama's form",
  answer: { description: 'A list of one', schema: TAGS },
  handle: ({ service }) => {
    const name = `${service.model}:latest`
    const { digest, started } = service
    const size = 4 * service.parameters
    return json({ models: [{ name, model: name, modified_at: started, size, digest, details: detailsOf(service) }] })
  },
})

const show = defineEndpoint({
  method: 'POST',
  path: '/api/show',
  dialect: 'ollama',
  id: 'ollamaShow',
  summary: "What the model can do, in Ollama's form",
  body: SHOW,
  answer: { description: 'Its details', schema: SHOWN },
  handle: ({ service, body }) => {
    checkModel(body.model ?? body.name ?? '', { service })
    return json({
      modelfile: '',
      parameters: '',
      template: '',
      details: detailsOf(service),
      model_info: { 'general.architecture': 'mia', 'general.parameter_count': service.parameters },
      capabilities: ['completion', 'vision'],
      modified_at: service.started,
    })
  },
})

const version = defineEndpoint({
  method: 'GET',
  path: '/api/version',
  dialect: 'ollama',
  id: 'ollamaVersion',
  summary: "The version of mia-caption, in Ollama's form",
  answer: { description: 'The version', schema: v.object({ version: v.string() }) },
  handle: ({ service }) => json({ version: service.version }),
})

/** The endpoints in Ollama's form. */
export const OLLAMA_ENDPOINTS: readonly Endpoint[] = [generate, chat, tags, show, version]

type PromptCall = Call<unknown, Pick<v.InferOutput<typeof CHAT>, 'model' | 'stream' | 'format' | 'options'>>

/** Captions `images`; `said` puts text where the endpoint has it. An empty request asks to load the model. */
async function answer(
  call: PromptCall,
  images: readonly string[],
  isEmpty: boolean,
  said: (text: string) => object,
): Promise<Response> {
  const { service, body } = call
  checkModel(body.model, call)
  if (body.format !== undefined && body.format !== null && body.format !== '')
    throw new Failure(400, `"${service.model}" cannot answer in a format: its answer is a caption`)
  const head = { model: body.model, created_at: new Date().toISOString() }
  if (images.length === 0 && isEmpty) return json({ ...head, ...said(''), done: true, done_reason: 'load' })
  const began = performance.now()
  const mostWords = body.options?.num_predict
  const limit = mostWords !== undefined && mostWords > 0 ? mostWords : undefined // -1 and -2 mean no limit
  const caption = await captionPrompt({ pictures: images, dataUrls: false, mostWords: limit }, call)
  const done = { done: true, done_reason: 'stop', ...durations(caption, performance.now() - began) }
  if (!body.stream) return json({ ...head, ...said(caption.caption), ...done })
  const parts = wordsOf(caption.caption).map((word) => ({ ...head, ...said(word), done: false }))
  return streamed(
    [...parts, { ...head, ...said(''), ...done }].map((line) => `${JSON.stringify(line)}\n`),
    LINES[0]!,
  )
}

/** Times in nanoseconds: all of it counts as the answer's. */
const durations = ({ words }: ImageCaption, milliseconds: number): object => {
  const nanoseconds = Math.round(milliseconds * 1e6)
  return {
    total_duration: nanoseconds,
    load_duration: 0,
    prompt_eval_count: 0,
    prompt_eval_duration: 0,
    eval_count: words.length,
    eval_duration: nanoseconds,
  }
}

const detailsOf = ({ parameters }: Service): v.InferOutput<typeof DETAILS> => ({
  parent_model: '',
  format: 'safetensors',
  family: 'mia',
  families: ['mia'],
  parameter_size: `${(parameters / 1e6).toFixed(1)}M`,
  quantization_level: 'F32',
})
