// The libraries of Ollama and OpenAI against our server.
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { plainPng } from './pictures.ts'
import { startTestServer, type TestServer } from './support.ts'

const MODEL = 'mia-caption'

let server: TestServer
let picture: Buffer
let caption: string
beforeAll(async () => {
  server = await startTestServer()
  picture = await plainPng(2)
  const captioner = await Captioner.load()
  caption = (await captioner.caption(picture)).caption
  await captioner.release()
}, 120_000)
afterAll(() => server.stop())

describe('the library ollama', () => {
  const client = () => new Ollama({ host: server.url.replace(/\/$/, '') })

  test('lists the model, and shows that it sees', async () => {
    const { models } = await client().list()
    expect(models.map(({ name }) => name)).toEqual([`${MODEL}:latest`])
    expect(models[0]!.digest).toMatch(/^[\da-f]{64}$/)
    expect((await client().show({ model: models[0]!.name })).capabilities).toContain('vision')
    expect((await client().version()).version).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('generate: the response is the caption, at once or word by word', async () => {
    const request = { model: MODEL, prompt: 'Describe the picture.', images: [new Uint8Array(picture)] }
    const { response, done, done_reason, eval_count } = await client().generate(request)
    expect({ response, done, done_reason, eval_count }).toEqual({
      response: caption,
      done: true,
      done_reason: 'stop',
      eval_count: caption.split(' ').length,
    })
    const parts: string[] = []
    let last: { done: boolean; total_duration?: number } | undefined
    for await (const part of await client().generate({ ...request, stream: true })) {
      parts.push(part.response ?? '')
      last = part
    }
    expect(parts.join('')).toBe(caption)
    expect(parts.length).toBe(caption.split(' ').length + 1)
    expect(last).toMatchObject({ done: true, total_duration: expect.any(Number) })
  })

  test('chat: the message is the caption of the last picture, at once or word by word', async () => {
    const messages = [
      { role: 'system', content: 'You describe pictures.' },
      { role: 'user', content: 'What is here?', images: [picture.toString('base64')] },
    ]
    const { message } = await client().chat({ model: `${MODEL}:latest`, messages })
    expect(message).toEqual({ role: 'assistant', content: caption })
    let said = ''
    for await (const part of await client().chat({ model: MODEL, messages, stream: true })) said += part.message.content
    expect(said).toBe(caption)
  })

  test('num_predict limits the words, and a request without prompt and picture only loads', async () => {
    const images = [picture.toString('base64')]
    const { response } = await client().generate({ model: MODEL, prompt: '', images, options: { num_predict: 3 } })
    expect(response!.split(' ').length).toBeLessThanOrEqual(3)
    const loaded = await client().generate({ model: MODEL, prompt: '' })
    expect(loaded).toMatchObject({ response: '', done: true, done_reason: 'load' })
  })

  test('mistakes have a reason', async () => {
    const images = [picture.toString('base64')]
    const generate = (more: object) => client().generate({ model: MODEL, prompt: 'x', ...more })
    await expect(generate({ model: 'llava', images })).rejects.toThrow('There is no model "llava"')
    await expect(generate({})).rejects.toThrow('The request has 0 pictures and should have one')
    await expect(generate({ images: [...images, ...images] })).rejects.toThrow('has 2 pictures')
    await expect(generate({ images: ['bm8='] })).rejects.toThrow('Cannot read the image: it is not an image')
    await expect(generate({ images, format: 'json' })).rejects.toThrow('cannot answer in a format')
    const body = JSON.stringify({ model: MODEL, images: 'x' })
    const { error } = await (await fetch(server.at('/api/generate'), { method: 'POST', body })).json()
    expect(error).toBe('images is "x" and should be an array')
  })
})

describe('the library openai', () => {
  const client = () => new OpenAI({ baseURL: server.at('/v1'), apiKey: 'none', maxRetries: 0 })
  const url = () => `data:image/png;base64,${picture.toString('base64')}`
  const request = (image: string) => ({
    model: MODEL,
    messages: [
      {
        role: 'user' as const,
        content: [
          { type: 'text' as const, text: 'Describe the picture.' },
          { type: 'image_url' as const, image_url: { url: image } },
        ],
      },
    ],
  })

  test('lists the model', async () => {
    const { data } = await client().models.list()
    expect(data.map(({ id, object }) => [id, object])).toEqual([[MODEL, 'model']])
  })

  test('chat completions: the message is the caption', async () => {
    const { object, choices, usage } = await client().chat.completions.create(request(url()))
    expect(object).toBe('chat.completion')
    expect(choices).toHaveLength(1)
    expect(choices[0]).toMatchObject({ message: { role: 'assistant', content: caption }, finish_reason: 'stop' })
    expect(usage!.completion_tokens).toBe(caption.split(' ').length)
  })

  test('and streamed, with the usage if it is asked for', async () => {
    const options = { stream: true, stream_options: { include_usage: true } } as const
    const parts: string[] = []
    let reason: string | null = null
    let words = 0
    for await (const { choices, usage } of await client().chat.completions.create({ ...request(url()), ...options })) {
      const [choice] = choices
      if (choice?.delta.content) parts.push(choice.delta.content)
      reason = choice?.finish_reason ?? reason
      words = usage?.completion_tokens ?? words
    }
    expect(parts.join('')).toBe(caption)
    expect({ reason, words }).toEqual({ reason: 'stop', words: caption.split(' ').length })
    expect(parts.length).toBe(words)
  })

  test('mistakes have a reason, and no URL is fetched', async () => {
    const create = (more: object) => client().chat.completions.create({ ...request(url()), ...more })
    await expect(create({ model: 'gpt-4o' })).rejects.toThrow(/404 There is no model "gpt-4o"/)
    await expect(create({ messages: [{ role: 'user', content: 'hello' }] })).rejects.toThrow(/400 .* 0 pictures/)
    await expect(create({ n: 2 })).rejects.toThrow(/400 n is 2 and should be 1/)
    await expect(create({ response_format: { type: 'json_object' } })).rejects.toThrow(/should be text/)
    for (const image of [server.at('/healthz'), 'file:///etc/passwd', 'data:image/png,abc'])
      await expect(create(request(image))).rejects.toThrow(
        /must be a data: URL in base64; this server fetches no other/,
      )
    expect(server.records.filter(({ path }) => path === '/healthz')).toEqual([])
  })
})
