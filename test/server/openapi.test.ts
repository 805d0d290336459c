import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import createClient from 'openapi-fetch'
import openapiTypescript, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { DEFAULT_SEARCH } from '../../src/caption/search-settings.ts'
import { plainPng } from './pictures.ts'
import { serverOfTest } from './support.ts'

/** A program against the generated types; each line of MISTAKES is one that they must refuse. */
const PROGRAM = `
import createClient from 'openapi-fetch'
import type { paths } from './api.ts'
const client = createClient<paths>({ baseUrl: 'http://127.0.0.1' })
const streamless = createClient<paths, 'application/json'>({ baseUrl: 'http://127.0.0.1' })
const { data, error } = await client.POST('/v1/caption', {
  params: { query: { explain: true, beam: 5, lengthPenalty: 'average', require: ['dog,puppy', 'ball'], captions: 2 } },
  body: 'bytes',
  headers: { 'Content-Type': 'image/jpeg' },
})
const caption: string | undefined = data?.caption
const probability: number | undefined = data?.words[0]?.probability
const weights: number[][] | null | undefined = data?.explanation?.words
const detail: string | undefined = error?.detail
await client.POST('/v1/caption', {
  params: { query: { sample: true, temperature: 0.7, topK: 40, topP: 0.9, seed: 3, captions: 5 } },
  body: 'bytes',
})
await client.POST('/v1/caption', {
  params: { query: { groups: 2, diversity: 0.5, captions: 2, blockNgrams: 3, minLength: 5 } },
  body: 'bytes',
})
const { data: sgir } = await client.POST('/v1/represent', { body: 'bytes' })
const shape: number[] | undefined = sgir?.tensors.sgir?.shape
const { data: tags } = await client.GET('/api/tags')
const name: string | undefined = tags?.models[0]?.name
const { data: chat } = await streamless.POST('/v1/chat/completions', { body: { model: 'mia-caption', messages: [] } })
const content: string | undefined = chat?.choices[0]?.message.content
export { caption, content, detail, name, probability, shape, weights }
`
const MISTAKES = [
  "await client.POST('/v1/captions', { body: 'bytes' })",
  "await client.POST('/v1/caption', { body: 'bytes', params: { query: { beam: 'five' } } })",
  "await client.POST('/v1/caption', { body: 'bytes', params: { query: { require: 'dog' } } })",
  "await client.POST('/v1/caption', { body: 'bytes', params: { query: { temperature: '1' } } })",
  'const wrong: number | undefined = data?.caption',
  "await client.POST('/v1/chat/completions', { body: { messages: [] } })",
]

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The lines of a program, in a file, that the compiler refuses, each once. */
function refusedLines(file: string): string[] {
  const config = ts.parseConfigFileTextToJson('tsconfig.json', ts.sys.readFile(join(root, 'tsconfig.json'))!)
  const { options } = ts.convertCompilerOptionsFromJson(config.config.compilerOptions, root)
  const lines = ts.getPreEmitDiagnostics(ts.createProgram([file], options)).map((diagnostic) => {
    const { line } = diagnostic.file!.getLineAndCharacterOfPosition(diagnostic.start!)
    return diagnostic.file!.text.split('\n')[line]!
  })
  return [...new Set(lines)]
}

test('openapi.json is valid, and types generated from it know the answers and refuse mistakes', async () => {
  const server = await serverOfTest()
  const description = await (await fetch(server.at('/openapi.json'))).json()
  const types = astToString(await openapiTypescript(description, { silent: true }))

  const folder = await mkdtemp(join(root, 'test/server/generated-')) // where openapi-fetch resolves
  try {
    await writeFile(join(folder, 'api.ts'), types)
    const file = join(folder, 'program.ts')
    await writeFile(file, PROGRAM)
    expect(refusedLines(file)).toEqual([])
    await writeFile(file, `${PROGRAM}${MISTAKES.join('\n')}`)
    expect(refusedLines(file)).toEqual(MISTAKES)
  } finally {
    await rm(folder, { recursive: true })
  }

  // biome-ignore lint/suspicious/noExplicitAny: the types exist only in the folder above
  const client = createClient<any>({ baseUrl: server.url })
  const { data } = await client.POST('/v1/caption', {
    params: { query: { explain: true, beam: 2, require: ['a,an', 'the'] } },
    body: await plainPng(1),
    bodySerializer: (body: Buffer) => new Uint8Array(body),
    headers: { 'Content-Type': 'image/png' },
  })
  expect(data.caption.split(' ')).toEqual(data.words.map(({ word }: { word: string }) => word))
  expect(data.explanation.words).toHaveLength(data.words.length)
  expect(data.caption).toMatch(/\bthe\b/)
})

test('every path is described, and parameters have their limits and defaults', async () => {
  const server = await serverOfTest()
  const { paths } = await (await fetch(server.at('/openapi.json'))).json()
  expect(
    Object.entries(paths).map(
      ([path, each]) =>
        `${Object.keys(each as object)
          .join()
          .toUpperCase()} ${path}`,
    ),
  ).toEqual([
    'POST /v1/caption',
    'POST /v1/represent',
    'POST /api/generate',
    'POST /api/chat',
    'GET /api/tags',
    'POST /api/show',
    'GET /api/version',
    'POST /v1/chat/completions',
    'GET /v1/models',
    'GET /healthz',
    'GET /readyz',
    'GET /metrics',
    'GET /openapi.json',
  ])
  const { parameters } = paths['/v1/caption'].post
  expect(parameters.find(({ name }: { name: string }) => name === 'maxLength')).toEqual({
    name: 'maxLength',
    in: 'query',
    required: false,
    description: 'words of the longest caption, its end token counted',
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  })
  const limits = Object.fromEntries(
    parameters.map(({ name, schema }: { name: string; schema: object }) => [name, schema]),
  )
  expect(limits).toMatchObject({
    temperature: { type: 'number', exclusiveMinimum: 0, maximum: 1000, default: 1 },
    diversity: { type: 'number', minimum: 0, maximum: 1000, default: 0.5 },
    topP: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 1 },
    sample: { type: 'boolean', default: false },
    require: { type: 'array', items: { type: 'string' }, maxItems: 4, default: [] },
  })
  // every choice of the library, and no other
  const names = Object.keys(limits).filter((name) => name !== 'explain')
  expect(names.toSorted()).toEqual(Object.keys(DEFAULT_SEARCH).toSorted())
})
