import { fileURLToPath } from 'node:url'
import { UserError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { count, list, positive, text } from '../options.ts'
import { DEVICE, NETWORKS } from '../shared-options.ts'

const LIMITS = { group: 'Limits' } as const
const ACCESS = { group: 'Access' } as const

/** The highest port. */
const MAX_PORT = 65_535

/** The page that `npm run build:web` makes. */
const BUILT_PAGE = fileURLToPath(new URL('../../../dist/web', import.meta.url))

/** `mia serve`: captions pictures over HTTP. */
export const serve = defineCommand({
  name: 'serve',
  summary: 'caption images over HTTP, for Ollama clients too',
  description:
    'Serves a captioner at http://127.0.0.1:8080: POST /v1/caption takes a picture and answers its caption as JSON, ' +
    '/openapi.json describes all. Clients of Ollama and of OpenAI work with it: their base URLs are ' +
    'http://127.0.0.1:8080 and http://127.0.0.1:8080/v1. Pictures of many callers go through the model together. ' +
    'Only this machine can reach it; --host 0.0.0.0 opens it to others, and then give --token-file. Prints a line of ' +
    'JSON for each request. Ctrl-C and SIGTERM stop it within ten seconds. See docs/server.md.',
  examples: [
    { call: 'mia serve', what: 'the pretrained captioner, for this machine' },
    { call: 'mia serve --run runs/va-mia --port 9000', what: 'your own' },
    { call: 'mia serve --host 0.0.0.0 --allow-host captions.lan --token-file token.txt', what: 'for other machines' },
  ],
  options: {
    run: text('folder', 'folder of a trained captioner (default: the pretrained one)'),
    ...NETWORKS,
    device: DEVICE,
    host: text('address', 'address to listen at', { default: '127.0.0.1' }),
    port: count('n', 'port to listen at; 0 takes a free one', { default: 8080, max: MAX_PORT }),
    page: text(
      'folder',
      'page to serve at /, as "npm run build:web" makes it (default: that one, if it is there, with the captioner of --run)',
    ),
    tokenFile: text('file', 'file with the token that requests must have: "Authorization: Bearer ..."', ACCESS),
    allowHost: list('names', 'names of this server that requests may have, beside localhost and addresses', ACCESS),
    allowOrigin: list('origins', 'sites whose pages may use it, as in https://example.org', ACCESS),
    queue: positive('images', 'images that may wait; others are refused with 503', {
      default: 64,
      ...LIMITS,
      max: 10_000,
    }),
    timeout: positive('seconds', 'time to receive a request and to answer it', { default: 30, ...LIMITS, max: 3600 }),
    maxMegabytes: positive('n', 'largest picture, in MiB', { default: 20, ...LIMITS, max: 512 }),
    maxMegapixels: positive('n', 'largest picture, in millions of pixels', { default: 50, ...LIMITS, max: 250 }),
  },
  async run(values, { signal, report }) {
    const token = values.tokenFile === undefined ? undefined : await readToken(values.tokenFile)
    const { startServer } = await import('../start-server.ts')
    const { logLine } = await import('../../server/log.ts')
    const server = await startServer({
      ...values,
      builtPage: BUILT_PAGE,
      token,
      log: (record) => report.note(logLine(record, new Date())),
    })
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const { answered } = await server.stop()
    return { json: { answered }, text: `Answered ${answered} ${answered === 1 ? 'request' : 'requests'}` }
  },
})

/** Tokens of RFC 6750, of a length that cannot be guessed. */
const TOKEN = /^[\w.~+/-]{16,}=*$/

async function readToken(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const { throwFileError } = await import('../../disk/errno.ts')
  const content = await readFile(path, 'utf8').catch((error) => throwFileError('read token', path, error))
  const token = content.trim()
  if (!TOKEN.test(token))
    throw new UserError(
      `Cannot use the token in "${path}": it must be at least 16 letters, digits and -._~+/; make one with "openssl rand -hex 32"`,
    )
  return token
}
