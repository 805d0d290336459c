import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import type { Endpoint, QuerySchema } from './endpoint.ts'
import { STATUS_TITLES } from './failure.ts'
import { IMAGE_PART } from './multipart.ts'
import { PROBLEM } from './schemas.ts'

/** A description of the API in OpenAPI 3.1, made from the schemas by which the server validates. */
export function openApi(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, object> = {}
  for (const endpoint of endpoints)
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'mia-caption',
      version,
      description: 'Captions pictures, grounded in what they show.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'mia', description: 'Captions and representations' },
      { name: 'ollama', description: "For clients of Ollama's API" },
      { name: 'openai', description: "For clients of OpenAI's API" },
    ],
    security: [{}, { token: [] }],
    paths,
    components: {
      schemas: { Problem: schemaOf(PROBLEM, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operation({ id, dialect, summary, description, query, body, answer, open }: Endpoint): object {
  const types = [answer.schema ? 'application/json' : undefined, ...(answer.types ?? [])].filter((type) => type)
  const content = types.map((type, i) => [
    type,
    { schema: answer.schema && i === 0 ? schemaOf(answer.schema, 'output') : TEXT },
  ])
  return {
    operationId: id,
    tags: [dialect],
    summary,
    ...(description && { description }),
    ...(open && { security: [] }),
    ...(query && { parameters: parametersOf(query) }),
    ...(body && { requestBody: { required: true, content: bodyOf(body) } }),
    responses: {
      200: { description: answer.description, content: Object.fromEntries(content) },
      ...(open ? {} : { '4XX': refused('The request is refused', dialect), '5XX': refused(UNAVAILABLE, dialect) }),
    },
  }
}

const TEXT = { type: 'string' }
const UNAVAILABLE = `${STATUS_TITLES[503]}: too many requests are waiting; the header Retry-After says when to try again`

/** An error, in the form that the dialect's clients read. */
const refused = (description: string, dialect: Endpoint['dialect']): object => ({
  description,
  content:
    dialect === 'mia'
      ? { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
      : { 'application/json': { schema: { type: 'object', required: ['error'], properties: { error: {} } } } },
})

function bodyOf(body: v.GenericSchema | 'picture'): object {
  if (body !== 'picture') return { 'application/json': { schema: schemaOf(body, 'input') } }
  const image = { type: 'string', format: 'binary', description: 'JPEG, PNG, WebP, GIF, TIFF or AVIF' }
  return {
    'image/*': { schema: image },
    'multipart/form-data': { schema: { type: 'object', required: [IMAGE_PART], properties: { [IMAGE_PART]: image } } },
  }
}

/** Parameters of a query, each of which has a default. */
function parametersOf(query: QuerySchema): object[] {
  return Object.entries(query.entries).map(([name, entry]) => {
    const { description, ...schema } = schemaOf(entry as v.GenericSchema, 'output')
    // the schema's own default is the text of a query
    const fallback = v.parse(entry as v.GenericSchema, undefined)
    return { name, in: 'query', required: false, description, schema: { ...schema, default: fallback } }
  })
}

function schemaOf(schema: v.GenericSchema, typeMode: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = toJsonSchema(schema, { target: 'draft-2020-12', typeMode })
  return rest
}
