import * as v from 'valibot'
import { describeIssue } from '../validate.ts'
import { dropBody, parseJson, readBody } from './body.ts'
import type { Endpoint } from './endpoint.ts'
import { Failure } from './failure.ts'
import { EXTRA_BYTES } from './limits.ts'
import { imageOfForm } from './multipart.ts'
import type { RequestScope } from './request-scope.ts'
import type { Service } from './service.ts'

/**
 * Reads a request's query and body by the schemas of its endpoint. Throws Failure for a mistake, and for a full queue,
 * which holds no byte of the body.
 */
export async function receive(
  request: Request,
  { query: querySchema, body: bodySchema }: Endpoint,
  { captioner, limits }: Service,
  scope: RequestScope,
): Promise<{ query: unknown; body: unknown }> {
  const query = querySchema && parseQuery(querySchema, new URL(request.url).searchParams)
  if (bodySchema === undefined) return { query, body: undefined }
  const most = EXTRA_BYTES + (bodySchema === 'picture' ? limits.bytes : Math.ceil(limits.bytes * (4 / 3)))
  const { waiting } = captioner
  if (waiting >= limits.waiting) {
    await dropBody(request, { most, signal: scope.signal })
    throw new Failure(503, `${waiting} images are waiting; try again later`)
  }
  const bytes = await readBody(request, { most, lease: scope.lease, signal: scope.signal })
  scope.received()
  return { query, body: bodySchema === 'picture' ? await picture(request, bytes, limits) : parsed(bodySchema, bytes) }
}

/** The picture of a body, which is the picture or a form with it. */
async function picture(request: Request, bytes: Buffer, limits: Service['limits']): Promise<Buffer> {
  if (bytes.length === 0) throw new Failure(400, 'The body is empty; send a picture, or a form with one')
  const type = request.headers.get('content-type') ?? ''
  return /^multipart\/form-data/i.test(type) ? imageOfForm(bytes, type, limits) : bytes
}

function parseQuery(schema: NonNullable<Endpoint['query']>, parameters: URLSearchParams): unknown {
  const known = Object.keys(schema.entries)
  const unknown = [...parameters.keys()].find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new Failure(400, `There is no parameter "${unknown.slice(0, 60)}"; there are ${known.join(', ')}`)
  const values = [...new Set(parameters.keys())].map((name) => {
    const all = parameters.getAll(name)
    if (isList(schema.entries[name]!)) return [name, all]
    if (all.length > 1) throw new Failure(400, `${name} is given ${all.length} times and should be given once`)
    return [name, all[0]]
  })
  return checked(schema, Object.fromEntries(values))
}

/** Whether a parameter may be given several times. */
const isList = (entry: v.ObjectEntries[string]): boolean =>
  entry.type === 'array' || ('wrapped' in entry && (entry.wrapped as v.GenericSchema).type === 'array')

const parsed = (schema: v.GenericSchema, bytes: Buffer): unknown => checked(schema, parseJson(bytes))

function checked(schema: v.GenericSchema, value: unknown): unknown {
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) return output
  throw new Failure(400, issues[0].path ? describeIssue(issues[0]) : 'The body should be a JSON object')
}
