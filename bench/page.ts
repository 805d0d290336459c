// Captions photographs in the page and by the command line's captioner with the same weights, and measures the page:
// seconds to the first caption cold and warm, bytes over the wire, captions that are equal.
// Usage: npx tsx bench/page.ts [--photos folder] [--count 20] [--backend wasm] [--isolated]
// Chromium's WebGPU is SwiftShader, which computes on the processor: its times say nothing of a GPU. With MIA_TEST_GPU=1
// it is the machine's GPU.
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { Captioner } from '../src/hosts/node/captioner.ts'
import { buildPage } from '../test/page/built-page.ts'
import { startChromium } from '../test/page/chromium.ts'
import { serveFolder } from '../test/page/static-server.ts'
import { median } from './sizes.ts'

const shared = fileURLToPath(new URL('../../shared/', import.meta.url))
const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: `${shared}data/coco-mini/train2017` },
    count: { type: 'string', default: '20' },
    backend: { type: 'string', default: 'wasm' },
    isolated: { type: 'boolean', default: false },
  },
})
const photos = readdirSync(values.photos)
  .filter((name) => /\.jpe?g$/i.test(name))
  .sort()
  .slice(0, Number(values.count))
  .map((name) => join(values.photos, name))

const folder = await mkdtemp(join(tmpdir(), 'mia-page-'))
await buildPage(folder)
const server = await serveFolder(folder, { isolated: values.isolated })
const browser = await startChromium({ webgpu: values.backend === 'webgpu' })
const context = await browser.newContext()
const page = await context.newPage()

/** The caption of a photograph, and the seconds from `start` until it is on the page. */
async function captionOf(photo: string, start = performance.now()): Promise<{ caption: string; seconds: number }> {
  for (const result of await page.locator('.result').all())
    await result.evaluate((old: { classList: { add(name: string): void } }) => old.classList.add('old'))
  await page.locator('input[type=file]').first().setInputFiles(photo)
  const words = page.locator('.result:not(.old) .words button')
  await words.first().waitFor({ timeout: 580_000 })
  const seconds = (performance.now() - start) / 1000
  return { caption: (await words.allTextContents()).join(' '), seconds }
}
async function visit(photo: string): Promise<number> {
  const start = performance.now()
  await page.goto(`${server.url}?backend=${values.backend}`)
  return (await captionOf(photo, start)).seconds
}

const cold = await visit(photos[0]!)
const wire = server.served.reduce((sum, { bytes }) => sum + bytes, 0)
const zipped = server.served.reduce((sum, { path }) => sum + gzipSync(readFileSync(join(folder, path))).length, 0)
const warm = await visit(photos[0]!)

const captioner = await Captioner.load(join(folder, 'model'))
const full = await Captioner.load()
const seconds: number[] = []
let [equal, equalToFull] = [0, 0]
for (const photo of photos) {
  const found = await captionOf(photo)
  const expected = (await captioner.caption(photo)).caption
  seconds.push(found.seconds)
  if (found.caption === expected) equal++
  else console.log(`${photo}\n  page: ${found.caption}\n  command line: ${expected}`)
  if (found.caption === (await full.caption(photo)).caption) equalToFull++
}
const engine = await page.locator('footer p').textContent()
console.log(`${/Computed.*/.exec(engine ?? '')?.[0]}`)
console.log(`first caption: ${cold.toFixed(1)} s on the first visit, ${warm.toFixed(1)} s on the second`)
console.log(`further captions: ${median(seconds).toFixed(2)} s (median of ${seconds.length})`)
console.log(`first visit: ${(wire / 1e6).toFixed(1)} MB, ${(zipped / 1e6).toFixed(1)} MB from a host that compresses`)
console.log(`equal to mia caption with the page's weights: ${equal} of ${photos.length}`)
console.log(`equal to mia caption with the run's weights: ${equalToFull} of ${photos.length}`)
console.log(`${cpus()[0]?.model}, ${availableParallelism()} threads, ${browser.version()}`)
await browser.close()
await server.close()
await captioner.release()
await full.release()
await rm(folder, { recursive: true, force: true })
