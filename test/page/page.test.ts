import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { buildPage } from './built-page.ts'
import { CHROMIUM, startChromium } from './chromium.ts'
import { captionOn, PATIENCE, violations } from './page-checks.ts'
import { type StaticServer, serveFolder } from './static-server.ts'

const EXAMPLES = fileURLToPath(new URL('../../src/page/examples/', import.meta.url))

/** Drops a file on the page, as a visitor does. */
async function drop(page: Page, name: string): Promise<void> {
  const base64 = readFileSync(join(EXAMPLES, name)).toString('base64')
  await page.evaluate(
    ([data, fileName]) => {
      const bytes = Uint8Array.from(atob(data!), (character) => character.charCodeAt(0))
      const transfer = new DataTransfer()
      transfer.items.add(new File([bytes], fileName!, { type: 'image/jpeg' }))
      document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }))
    },
    [base64, name],
  )
}

describe.skipIf(!CHROMIUM)('the page in Chromium', () => {
  let web: string
  let captioner: Captioner
  let server: StaticServer
  let browser: Browser

  beforeAll(async () => {
    web = await mkdtemp(join(tmpdir(), 'mia-page-'))
    await buildPage(web)
    captioner = await Captioner.load(join(web, 'model'))
    server = await serveFolder(web, { prefix: '/some/folder/' })
    browser = await startChromium()
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await captioner?.release()
    await rm(web, { recursive: true, force: true })
  })

  test('captions a dropped picture as the command line does, and shows what each word is based on', async () => {
    const page = await browser.newPage()
    await page.goto(server.url)
    await drop(page, 'dog.jpg')
    const expected = await captioner.explain(join(EXAMPLES, 'dog.jpg'))
    expect(await captionOn(page)).toBe(expected.caption)
    expect(await page.locator('[role=status]').textContent()).toContain(expected.caption)

    const several = await captioner.caption(join(EXAMPLES, 'dog.jpg'), { captions: 3 })
    const rows = await page.locator('.beams tbody tr td:first-child').allTextContents()
    expect(rows).toEqual([several, ...several.alternatives].map(({ caption }) => caption))

    await page.locator('.alignment').waitFor(PATIENCE)
    await page.locator('.words button').nth(1).focus()
    const shades = await page
      .locator('.seen .shade mask rect[opacity]')
      .evaluateAll((rects) => rects.map((rect) => Number(rect.getAttribute('opacity'))))
    const attention = expected.explanation.words![1]!
    expect(shades.indexOf(Math.max(...shades))).toBe(attention.indexOf(Math.max(...attention)))
    expect(await page.locator('.places').textContent()).toContain(expected.words[1]!.word)

    await page.locator('.choosable').focus()
    await page.keyboard.press('ArrowDown')
    const number = Number((await page.locator('.region h3 small').textContent())!.replace(/\D/g, ''))
    const { after } = expected.explanation.alignment!
    const size = Math.sqrt(after.length)
    const row = [...after.subarray((number - 1) * size, number * size)]
    const best = expected.allConcepts[row.indexOf(Math.max(...row))]!.word
    expect(await page.locator('.region .sides > div:last-child li').first().textContent()).toContain(best)
    await page.close()
  })

  test('takes examples by the keyboard, a new picture in place of the one before', async () => {
    const page = await browser.newPage()
    await page.goto(server.url)
    const [first, second] = await page.locator('.examples button').all()
    await first!.press('Enter')
    const one = await captionOn(page)
    expect(one).toBe((await captioner.caption(join(EXAMPLES, 'dog.jpg'))).caption)
    await second!.press('Enter')
    const expected = (await captioner.caption(join(EXAMPLES, 'child.jpg'))).caption
    await expect.poll(() => captionOn(page), PATIENCE).toBe(expected)
    await page.close()
  })

  test('says what is wrong with a file that is no picture, and works on', async () => {
    const page = await browser.newPage()
    await page.goto(server.url)
    const input = page.locator('input[type=file]').first()
    await input.setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('{"a": 1}') })
    await expect
      .poll(() => page.locator('[role=alert]').allTextContents(), PATIENCE)
      .toContain('Cannot read image: it is JSON text, not an image: the download failed; download it again')
    await input.setInputFiles(join(EXAMPLES, 'dog.jpg'))
    expect(await captionOn(page)).not.toBe('')
    expect(await page.locator('.fault').count()).toBe(0)
    await page.close()
  })

  test.each(['light', 'dark'] as const)(
    'axe finds nothing in the %s scheme, and a phone needs no sideways scrolling',
    async (colorScheme) => {
      const context = await browser.newContext({ colorScheme, viewport: { width: 360, height: 740 } })
      const page = await context.newPage()
      await page.goto(server.url)
      await page.locator('.examples button').first().click()
      await page.locator('.alignment').waitFor(PATIENCE)
      await page.locator('.words button').nth(1).focus()
      await page.waitForTimeout(2500) // the words have appeared: axe measures contrast
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
      await context.close()
    },
  )

  test('opens and captions without a network after the first visit, with threads, and fetches no weights twice', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(server.url)
    await page.locator('.examples button').first().click()
    const online = await captionOn(page)
    const before = server.served.length
    await page.reload()
    await page.locator('.examples button').first().click()
    expect(await captionOn(page)).toBe(online)
    expect(
      server.served
        .slice(before)
        .map(({ path }) => path)
        .filter((path) => !/^service-worker\.js$/.test(path)),
    ).toEqual(['model/index.json'])
    await context.setOffline(true)
    await page.reload()
    await page.locator('.examples button').first().click()
    expect(await captionOn(page)).toBe(online)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await context.close()
  })

  test('refuses weights that are not those listed', async () => {
    const change = (path: string, bytes: Uint8Array): Uint8Array =>
      path === 'model/vocabulary.json' ? bytes.map((byte, i) => (i === 100 ? byte ^ 1 : byte)) : bytes
    const damaged = await serveFolder(web, { change })
    const page = await browser.newPage()
    await page.goto(damaged.url)
    await page.locator('.loading .fault').waitFor(PATIENCE)
    expect(await page.locator('.loading .fault').textContent()).toBe(
      `Cannot use "${damaged.url}model/vocabulary.json": it is not the file that index.json lists (another SHA-256); export the folder again and copy it whole`,
    )
    await page.close()
    await damaged.close()
  })

  // SwiftShader takes minutes for a caption on a busy machine
  test.skipIf(!process.env.MIA_TEST_WEBGPU)('captions with WebGPU as the command line does', async () => {
    const gpu = await startChromium({ webgpu: true })
    try {
      const page = await gpu.newPage()
      await page.goto(`${server.url}?backend=webgpu`)
      await page.locator('.examples button').first().click()
      expect(await captionOn(page)).toBe((await captioner.caption(join(EXAMPLES, 'dog.jpg'))).caption)
      expect(await page.locator('footer').textContent()).toContain('WebGPU')
    } finally {
      await gpu.close()
    }
  })
})
