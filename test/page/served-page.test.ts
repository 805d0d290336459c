import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { startTestServer } from '../server/support.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyRun } from '../support/tiny-run.ts'
import { buildPage } from './built-page.ts'
import { CHROMIUM, startChromium } from './chromium.ts'
import { captionOn, PATIENCE } from './page-checks.ts'

const EXAMPLES = fileURLToPath(new URL('../../src/page/examples/', import.meta.url))

/** What the page's console says, and what its policy refuses, as it happens. */
async function complaintsOf(page: Page): Promise<string[]> {
  const found: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) found.push(message.text())
  })
  page.on('pageerror', (error) => found.push(error.message))
  await page.exposeFunction('complain', (text: string) => found.push(text))
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      (globalThis as unknown as { complain(text: string): void }).complain(`${violatedDirective} ${blockedURI}`),
    ),
  )
  return found
}

test.skipIf(!CHROMIUM)(
  'mia serve has the page with the run that it serves, within its policy, also once it stops',
  async () => {
    const [other, run, web] = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()])
    await writeTinyRun(other)
    await writeTinyRun(run, { mia: false })
    const cnn = join(run, 'network.onnx')
    await buildPage(web, { run: other, cnn })
    const token = 'a-token-of-this-test'
    const server = await startTestServer({ run, cnn, builtPage: web, token })
    let isServing = true
    const browser = await startChromium()
    await using captioner = await Captioner.load(run, { cnn })
    const expected = async (name: string): Promise<string> => (await captioner.caption(join(EXAMPLES, name))).caption
    try {
      const page = await browser.newPage()
      const complaints = await complaintsOf(page)
      await page.goto(server.url)
      await page.locator('.examples button').first().click()
      expect(await captionOn(page)).toBe(await expected('dog.jpg'))
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
      const threads = Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency))
      expect(await page.locator('footer').textContent()).toContain(`WebAssembly, ${threads} thread`)
      await page.locator('.examples button').nth(1).click()
      await expect.poll(() => captionOn(page), PATIENCE).toBe(await expected('child.jpg'))
      expect(complaints).toEqual([])

      // the page needs no token, and the API does
      const picture = readFileSync(join(EXAMPLES, 'dog.jpg'))
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await fetch(server.at('/v1/caption'), { method: 'POST', body: picture, headers })).status
      expect([await status({}), await status({ Authorization: `Bearer ${token}` })]).toEqual([401, 200])

      // the policy: no script but the server's own, no request to others
      const escaped = await page.evaluate(async () => {
        const script = document.createElement('script')
        script.textContent = 'globalThis.hasRun = true'
        document.body.append(script)
        const answer = await fetch('http://localhost:9/').then(
          () => 'answered',
          () => 'refused',
        )
        return [(globalThis as { hasRun?: boolean }).hasRun, answer]
      })
      expect(escaped).toEqual([undefined, 'refused'])
      await expect.poll(() => complaints).toContain('script-src-elem inline')
      expect(complaints.some((text) => /connect-src http:\/\/localhost:9/.test(text))).toBe(true)

      await server.stop()
      isServing = false
      await page.reload()
      await page.locator('.examples button').nth(2).click()
      expect(await captionOn(page)).toBe(await expected('beach.jpg'))
    } finally {
      await browser.close()
      if (isServing) await server.stop()
    }
  },
)
