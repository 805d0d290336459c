import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SearchChoices } from '../../src/caption/search-settings.ts'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { CAPTION, PROBLEM, REPRESENTATION } from '../../src/server/schemas.ts'
import { plainPng } from './pictures.ts'
import { startTestServer, type TestServer } from './support.ts'

let server: TestServer
let captioner: Captioner
beforeAll(async () => {
  server = await startTestServer()
  captioner = await Captioner.load()
}, 120_000)
afterAll(async () => {
  await server.stop()
  await captioner.release()
})

const post = (path: string, body: Buffer | FormData | string, headers: Record<string, string> = {}) =>
  fetch(server.at(path), { method: 'POST', body: body as BodyInit, headers })

const form = (picture: Buffer): FormData => {
  const data = new FormData()
  data.append('image', new Blob([new Uint8Array(picture)]), 'a.png')
  return data
}

/** Expects equal values, whose numbers may differ by the rounding of JSON and of other batches. */
function near(a: unknown, b: unknown): void {
  const [ours, theirs] = [numbersOf(a), numbersOf(b)]
  expect(ours.rest).toBe(theirs.rest)
  const furthest = ours.numbers.reduce((most, x, i) => Math.max(most, Math.abs(x - theirs.numbers[i]!)), 0)
  expect(furthest).toBeLessThan(1e-4)
}

/** The numbers of a value, and its JSON without them. */
function numbersOf(value: unknown): { numbers: number[]; rest: string } {
  const numbers: number[] = []
  const rest = JSON.stringify(value, (_, each: unknown) => (typeof each === 'number' ? numbers.push(each) && 0 : each))
  return { numbers, rest }
}

test('POST /v1/caption answers what the library says of the picture, raw or in a form', async () => {
  const picture = await plainPng(3)
  const { caption, words, confidence, probability, alternatives, concepts } = await captioner.caption(picture)
  for (const body of [picture, form(picture)]) {
    const response = await post('/v1/caption', body)
    expect(response.status).toBe(200)
    const answer = v.parse(v.strictObject(CAPTION.entries), await response.json())
    near(answer, { caption, confidence, probability, words, alternatives, concepts })
  }
})

test('its parameters are those of the search', async () => {
  const picture = await plainPng(1)
  const short = await (await post('/v1/caption?beam=1&maxLength=4', picture)).json()
  expect(short.caption).toBe((await captioner.caption(picture, { beam: 1, maxLength: 4 })).caption)
  const long = await (await post('/v1/caption?minLength=12&blockRepeatedWords=true', picture)).json()
  const same = await captioner.caption(picture, { minLength: 12, blockRepeatedWords: true })
  expect(long.caption).toBe(same.caption)
  expect(long.words.length).toBeGreaterThanOrEqual(12)
})

describe('each kind of search gives the captions that the library gives', () => {
  test.each<[string, (words: readonly string[]) => SearchChoices]>([
    ['length penalty', () => ({ lengthPenalty: 'wu_9.5', beam: 10, captions: 5 })],
    ['no n-gram twice', () => ({ blockNgrams: 1, minLength: 14, beam: 2 })],
    ['no bad endings', () => ({ blockBadEndings: true, maxLength: 4 })],
    ['diverse groups', () => ({ groups: 3, captions: 3, diversity: 2.5 })],
    ['drawn captions', () => ({ sample: true, captions: 3, temperature: 1.5, topK: 40, topP: 0.9, seed: 7 })],
    ['required words', ([one, two]) => ({ require: [[one!, 'zebra crossing'], [two!]], beam: 2 })],
  ])('%s', async (_, choose) => {
    const words = captioner.trained.vocabulary.words.filter((word) => /^[a-z]{5,}$/.test(word))
    const choices = choose(words)
    const query = new URLSearchParams(
      Object.entries(choices).flatMap(([name, value]) =>
        Array.isArray(value) ? value.map((list) => [name, list.join(',')]) : [[name, `${value}`]],
      ),
    )
    const picture = await plainPng(2)
    const response = await post(`/v1/caption?${query}`, picture)
    const answer = v.parse(CAPTION, await response.json())
    const library = await captioner.caption(picture, choices)
    const texts = (all: { caption: string; alternatives: readonly { caption: string }[] }): string[] =>
      [all, ...all.alternatives].map(({ caption }) => caption)
    expect(texts(answer)).toEqual(texts(library))
    expect(answer.probability).toBeCloseTo(library.probability, 4)
    const plain = await captioner.caption(picture, { captions: choices.captions ?? 1 })
    expect(texts(answer)).not.toEqual(texts(plain)) // the choice has had an effect
  })
})

test('captions=n adds the other captions of the search, best first', async () => {
  const picture = await plainPng(4)
  const query = 'captions=4&conceptWeight=0&lengthPenalty=none'
  const answer = v.parse(CAPTION, await (await post(`/v1/caption?${query}`, picture)).json())
  const byProbability = { captions: 4, conceptWeight: 0, lengthPenalty: 'none' } as const
  const { caption, alternatives } = await captioner.caption(picture, byProbability)
  expect(answer.caption).toBe(caption)
  expect(answer.alternatives).toHaveLength(3)
  const ordered = alternatives.map(({ caption, confidence, probability, words }) => ({
    caption,
    confidence,
    probability,
    words,
  }))
  near(answer.alternatives, ordered)
  const probabilities = [answer, ...answer.alternatives].map(({ probability }) => probability)
  expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a))
})

test('explain=1 adds the attention of each word, the boxes, and the alignment', async () => {
  const picture = await plainPng(5)
  const { explanation } = v.parse(CAPTION, await (await post('/v1/caption?explain=1', picture)).json())
  const library = await captioner.explain(picture)
  const { boxes, words, alignment, concepts } = explanation!
  near(
    words,
    library.explanation.words!.map((row) => [...row]),
  )
  near(boxes.flat(), [...library.boxes])
  near(alignment!.after.flat(), [...library.explanation.alignment!.after])
  near(concepts, library.allConcepts)
  for (const row of words!) expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4)
})

test('POST /v1/represent answers the representation that the library gives', async () => {
  const picture = await plainPng(7)
  const { tensors, concepts } = v.parse(REPRESENTATION, await (await post('/v1/represent', picture)).json())
  const library = await captioner.represent(picture)
  expect(concepts).toEqual(library.concepts)
  expect(Object.keys(tensors)).toEqual([...library.tensors.keys()])
  for (const [name, { shape, data }] of library.tensors) near(tensors[name], { shape, data: [...data] })
})

test('60 callers at once get the captions that each would get alone, in batches', async () => {
  const pictures = await Promise.all(Array.from({ length: 60 }, (_, i) => plainPng(i % 6)))
  const alone = await captioner.captionAll(pictures.slice(0, 6))
  const answers = await Promise.all(pictures.map(async (picture) => (await post('/v1/caption', picture)).json()))
  expect(answers.map(({ caption }) => caption)).toEqual(pictures.map((_, i) => alone.captions[i % 6]!.caption))
  const text = await (await fetch(server.at('/metrics'))).text()
  const batches = Number(/^mia_batch_images_count (\d+)$/m.exec(text)![1])
  const images = Number(/^mia_batch_images_sum (\d+)$/m.exec(text)![1])
  expect(images / batches).toBeGreaterThan(2)
  expect(text).toMatch(/^mia_queue_waiting 0$/m)
  expect(text).toMatch(/^mia_body_bytes 0$/m)
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
})

describe('a mistake gets a problem that says what is wrong', () => {
  const boundary = { 'Content-Type': 'multipart/form-data; boundary=x' }
  const part = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"; filename="a"\r\n\r\nGIF89a\r\n`
  test.each([
    ['an unknown parameter', '/v1/caption?bean=3', 'GIF89a', {}, 400, /There is no parameter "bean"; there are .*beam/],
    ['a beam that is no number', '/v1/caption?beam=1e3', 'GIF89a', {}, 400, /beam is "1e3" and should be a number/],
    ['a beam that is too large', '/v1/caption?beam=999', 'GIF89a', {}, 400, /beam is 999 and should be at most 20/],
    [
      'lengths that contradict',
      '/v1/caption?minLength=30',
      'GIF89a',
      {},
      400,
      /minLength 30: it must be below maxLength/,
    ],
    ['a temperature of 0', '/v1/caption?sample=1&temperature=0', 'GIF89a', {}, 400, /temperature is 0 .* above 0/],
    ['a probability above 1', '/v1/caption?sample=1&topP=1.5', 'GIF89a', {}, 400, /topP is 1.5 .* at most 1/],
    ['a parameter twice', '/v1/caption?beam=3&beam=4', 'GIF89a', {}, 400, /beam is given 2 times .* once/],
    ['two kinds of search', '/v1/caption?sample=1&require=a', 'GIF89a', {}, 400, /sample and require: choose one/],
    [
      'no required word',
      '/v1/caption?require=dog,,cat',
      'GIF89a',
      {},
      400,
      /require is "dog,,cat" and should be 1 to 20/,
    ],
    ['an unknown word', '/v1/caption?require=xyzzy', 'GIF89a', {}, 400, /require "xyzzy": .* no such word/],
    [
      'too many hypotheses',
      '/v1/caption?require=a&require=on&require=the&require=with&beam=20',
      'GIF89a',
      {},
      400,
      /take 320 hypotheses, and a request may have 160/,
    ],
    ['too many requirements', `/v1/caption?${'require=a&'.repeat(5)}`, 'GIF89a', {}, 400, /require is 5 .* at most 4/],
    ['an empty body', '/v1/caption', '', {}, 400, /The body is empty/],
    ['a text', '/v1/caption', 'hello', {}, 422, /it is not an image; give one of JPEG/],
    ['a page', '/v1/caption', '<!doctype html><script>alert(1)</script>', {}, 422, /it is an HTML page/],
    ['an SVG', '/v1/caption', '<svg xmlns="http://www.w3.org/2000/svg"/>', {}, 422, /it is SVG/],
    ['half a picture', '/v1/represent', 'GIF89a', {}, 422, /it is cut short or damaged/],
    ['a compressed body', '/v1/caption', 'x', { 'Content-Encoding': 'gzip' }, 415, /compressed/],
    ['a form without boundary', '/v1/caption', 'x', { 'Content-Type': 'multipart/form-data' }, 400, /no boundary/],
    ['a form cut short', '/v1/caption', part('image'), boundary, 400, /malformed or cut short/],
    ['a form with another part', '/v1/caption', `${part('photo')}--x--`, boundary, 400, /no file named "image"/],
    ['a form with two', '/v1/caption', `${part('image').repeat(2)}--x--`, boundary, 400, /2 files named "image"/],
    ['a form of many parts', '/v1/caption', `${part('image').repeat(17)}--x--`, boundary, 413, /more than 16 parts/],
  ])('%s', async (_, path, body, headers, status, detail) => {
    const response = await post(path, body, headers as Record<string, string>)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = v.parse(v.strictObject(PROBLEM.entries), await response.json())
    expect(problem.detail).toMatch(detail)
    expect({ status: response.status, inside: problem.status }).toEqual({ status, inside: status })
    expect(problem.request).toBe(response.headers.get('x-request-id'))
    expect(server.records.at(-1)).toMatchObject({ request: problem.request, status, reason: expect.anything() })
  })

  test('a path and a method that are not there', async () => {
    expect((await fetch(server.at('/v2/caption'))).status).toBe(404)
    const response = await fetch(server.at('/v1/caption'))
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

test('health, readiness, and a page that says how to use the API', async () => {
  for (const path of ['/healthz', '/readyz'])
    expect(await (await fetch(server.at(path))).json()).toEqual({ status: 'ok' })
  const page = await fetch(server.at('/'))
  expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  expect(await page.text()).toContain('/v1/caption')
})
