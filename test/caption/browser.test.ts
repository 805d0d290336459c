import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { Captioner as AnyCaptioner } from '../../src/caption/captioner.ts'
import type { Pictures } from '../../src/engine/pictures.ts'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import { explanationPage } from '../../src/pages/explanation-page.ts'

/** What a page imports to caption a picture, explain the caption and draw the explanation. It fetches a run's files itself. */
const ENTRY = `
  import { Captioner } from './caption/captioner.ts'
  import { parseRunConfig } from './caption/run-config.ts'
  import { parseDetector } from './caption/stored-detector.ts'
  import { assembleCaptioner } from './caption/trained-captioner.ts'
  import { parseSafetensors } from './formats/safetensors.ts'
  import { explanationPage } from './pages/explanation-page.ts'
  import { Vocabulary } from './text/vocabulary.ts'

  export function open(engine, files) {
    const json = (name) => JSON.parse(new TextDecoder().decode(files[name]))
    const tensors = (name) => ({ tensors: parseSafetensors(files[name], name).tensors, path: name })
    const detector = parseDetector(
      { value: json('concepts/detector.json'), path: 'concepts/detector.json' },
      tensors('concepts/detector.safetensors'),
    )
    const trained = assembleCaptioner({
      name: 'pretrained',
      config: parseRunConfig(json('config.json'), 'config.json'),
      vocabulary: Vocabulary.fromJSON(json('vocabulary.json'), 'vocabulary.json'),
      weights: tensors('weights.safetensors'),
      detector,
    })
    return Captioner.open(engine, trained)
  }

  /** The HTML of an explanation page, with thumbnails that the page makes. */
  export async function explain(thumbnails, caption, model) {
    let html = ''
    for await (const part of explanationPage(thumbnails, [caption], model)) html += part
    return html
  }
`
const FILES = [
  'config.json',
  'vocabulary.json',
  'weights.safetensors',
  'concepts/detector.json',
  'concepts/detector.safetensors',
]

/** The globals of a page that the bundle may use, beside those of the language; typed arrays are shared so that the engine knows them. */
const PAGE = {
  AbortController,
  atob,
  crypto,
  queueMicrotask,
  TextDecoder,
  TextEncoder,
  URL,
  ArrayBuffer,
  BigInt64Array,
  Float32Array,
  Float64Array,
  Int32Array,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
}

test('features, concepts, search, explanation and its page run in a browser bundle, and caption as in Node', async () => {
  const { outputFiles, warnings, metafile } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(new URL('../../src', import.meta.url)), loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser', // an import of a Node module would not resolve, which is an error
    format: 'iife',
    globalName: 'bundle',
  })
  expect(warnings).toEqual([])
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])

  const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#4a8' } })
    .png()
    .toBuffer()
  const files = Object.fromEntries(FILES.map((name) => [name, new Uint8Array(readFileSync(join(PRETRAINED, name)))]))
  const page = createContext({ ...PAGE, engine: nodeEngine, files })
  runInContext(outputFiles[0]!.text, page)
  const inPage = (await runInContext('bundle.open(engine, files)', page)) as AnyCaptioner
  const inNode = await Captioner.load()
  try {
    const [there, here] = [await inPage.explain(picture), await inNode.explain(picture)]
    expect(there.caption).toBe(here.caption)
    expect(there.caption).not.toBe('')
    expect(there.words).toEqual(here.words)
    expect(there.concepts).toEqual(here.concepts)
    expect(there.explanation).toEqual(here.explanation)

    // bytes have no name: the page of a file's caption is compared
    const caption = { ...here, image: 'album/dog <1>.png' }
    const { model } = inNode.trained.config
    const thumbnails = { thumbnail: async () => ({ url: 'data:image/png;base64,AA', width: 60, height: 40 }) }
    Object.assign(page, { thumbnails, caption, model })
    const html: string = await runInContext('bundle.explain(thumbnails, caption, model)', page)
    let expected = ''
    for await (const part of explanationPage(thumbnails as unknown as Pictures, [caption], model)) expected += part
    expect(html).toBe(expected)
    expect(html).toContain('<p class="file">dog &#60;1&#62;.png</p>')
    expect(html).toContain('url(data:image/png;base64,AA)')
  } finally {
    await inPage.release()
    await inNode.release()
  }
})
