import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyRun } from '../support/tiny-run.ts'
import { buildPage } from './built-page.ts'
import { CHROMIUM, startChromium } from './chromium.ts'
import { PATIENCE, violations } from './page-checks.ts'
import { serveFolder } from './static-server.ts'

const EXAMPLES = fileURLToPath(new URL('../../src/page/examples/', import.meta.url))

test.skipIf(!CHROMIUM)(
  'captions with MIA and without it stand side by side, each as its own run says them',
  async () => {
    const [run, other, web] = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()])
    await writeTinyRun(run)
    await writeTinyRun(other, { mia: false })
    await buildPage(web, { run, withoutMia: other, cnn: join(run, 'network.onnx') })
    const server = await serveFolder(web)
    const browser = await startChromium()
    await using captioner = await Captioner.load(join(web, 'model'))
    await using without = await Captioner.load(join(web, 'model/without-mia'))
    try {
      const context = await browser.newContext()
      const page = await context.newPage()
      await page.goto(server.url)
      await page.locator('.examples button').first().click()
      await page.locator('.comparison button').click(PATIENCE)
      const sides = page.locator('.comparison figure')
      const captions = (): Promise<string[]> =>
        sides.evaluateAll((figures) =>
          figures.map((figure) =>
            [...figure.querySelectorAll('.words button')].map((word) => word.textContent).join(' '),
          ),
        )
      const expected = async (name: string): Promise<string[]> => [
        (await captioner.caption(join(EXAMPLES, name))).caption,
        (await without.caption(join(EXAMPLES, name))).caption,
      ]
      const ofDog = await expected('dog.jpg')
      expect(ofDog[0]).not.toBe(ofDog[1])
      await expect.poll(captions, PATIENCE).toEqual(ofDog)
      expect(await sides.locator('h3').allTextContents()).toEqual(['With MIA', 'Without MIA'])

      await sides.nth(1).locator('.words button').first().focus()
      const attention = (await without.explain(join(EXAMPLES, 'dog.jpg'))).explanation.words![0]!
      const shades = await sides
        .nth(1)
        .locator('.shade mask rect[opacity]')
        .evaluateAll((rects) => rects.map((rect) => Number(rect.getAttribute('opacity'))))
      expect(shades.indexOf(Math.max(...shades))).toBe(attention.indexOf(Math.max(...attention)))
      await page.waitForTimeout(2500) // the words have appeared: axe measures contrast
      expect(await violations(page)).toEqual([])

      await page.locator('.examples button').nth(1).click()
      await expect.poll(captions, PATIENCE).toEqual(await expected('child.jpg'))

      // what both have was fetched once, and later visits fetch neither again
      const fetched = server.served.map(({ path }) => path).filter((path) => path.startsWith('model/'))
      expect(fetched.filter((path) => /networks|vocabulary/.test(path)).length).toBe(2)
      expect(fetched).toContain('model/without-mia/weights.safetensors')
      const before = server.served.length
      await context.setOffline(true)
      await page.reload()
      await page.locator('.examples button').first().click()
      await page.locator('.comparison button').click(PATIENCE)
      await expect.poll(captions, PATIENCE).toEqual(ofDog)
      const later = server.served.slice(before).map(({ path }) => path)
      expect(later.filter((path) => path !== 'service-worker.js')).toEqual([]) // browsers look for a new worker by themselves
    } finally {
      await browser.close()
      await server.close()
    }
  },
)
