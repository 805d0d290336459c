import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import type { Captioner as WebCaptioner } from '../../src/hosts/web/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { photographs, writeMemorisedRun } from '../support/memorised-run.ts'
import { buildPage } from './built-page.ts'
import { CHROMIUM, startChromium } from './chromium.ts'
import { captionOn } from './page-checks.ts'
import { serveFolder } from './static-server.ts'

const LIBRARY = fileURLToPath(new URL('../../src/hosts/web/index.ts', import.meta.url))
/** 20 with MIA_TEST_WEBGPU=1: SwiftShader takes minutes for them on a busy machine. */
const PHOTOGRAPHS = await photographs(process.env.MIA_TEST_WEBGPU ? 20 : 3)

/** Writes smaller copies of pictures: up to four times the network's input, the page decodes them to the bit as sharp does. */
const smallCopies = (pictures: readonly string[], folder: string): Promise<string[]> =>
  Promise.all(
    pictures.map(async (picture) => {
      const copy = join(folder, basename(picture))
      await sharp(picture).resize(120, 120, { fit: 'inside' }).jpeg({ quality: 90 }).toFile(copy)
      return copy
    }),
  )

/** The page's globals that the test sets. */
interface Globals {
  Captioner: typeof WebCaptioner
  captioner: WebCaptioner
}

test.skipIf(!CHROMIUM || PHOTOGRAPHS.length === 0)(
  'with WebGPU the page and the library caption photographs as the command line does',
  async () => {
    const [run, web, copies] = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()])
    const pictures = await smallCopies(PHOTOGRAPHS, copies)
    expect(await writeMemorisedRun(run, pictures)).toBeLessThan(0.05)
    await buildPage(web, { run, cnn: join(run, 'network.onnx') })
    const bundled = { bundle: true, format: 'esm', platform: 'browser' } as const
    await build({ ...bundled, entryPoints: { library: LIBRARY }, outdir: web })
    const server = await serveFolder(web)
    const browser = await startChromium({ webgpu: true })
    await using captioner = await Captioner.load(join(web, 'model'))
    try {
      const page = await browser.newPage()
      await page.goto(`${server.url}?backend=webgpu`)
      await page.locator('input[type=file]').first().setInputFiles(pictures[0]!)
      expect(await captionOn(page)).toBe((await captioner.caption(pictures[0]!)).caption)
      expect(await page.locator('footer').textContent()).toContain('WebGPU')

      await page.addScriptTag({
        type: 'module',
        content: `import { Captioner } from './library.js'
          globalThis.Captioner = Captioner
          globalThis.captioner = await Captioner.load('model/', { backend: 'webgpu', worker: 'worker.js' })`,
      })
      await page.waitForFunction('globalThis.captioner?.info.backend === "webgpu"')
      const captions = new Set<string>()
      for (const picture of pictures) {
        const base64 = readFileSync(picture).toString('base64')
        const found = await page.evaluate(async (data) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
          const { captioner: inPage } = globalThis as unknown as Globals
          const { explanation, ...caption } = await inPage.explain(bytes)
          return { ...caption, attention: explanation.words!.map((weights) => [...weights]) }
        }, base64)
        const expected = await captioner.explain(picture)
        expect(found.caption).toBe(expected.caption)
        expect(found.probability).toBeCloseTo(expected.probability, 3)
        expect(found.concepts.map(({ word }) => word)).toEqual(expected.concepts.map(({ word }) => word))
        for (const [i, weights] of expected.explanation.words!.entries())
          for (const [j, weight] of weights.entries()) expect(found.attention[i]![j]).toBeCloseTo(weight, 3)
        captions.add(found.caption)
      }
      expect(captions.size).toBe(pictures.length)
    } finally {
      await browser.close()
      await server.close()
    }
  },
  1_200_000,
)
