import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** The longest wait for the captioner, which a busy machine makes long. */
export const PATIENCE = { timeout: 240_000 }

/** The caption on the page, once it is there. */
export async function captionOn(page: Page): Promise<string> {
  await page.locator('.words button').first().waitFor(PATIENCE)
  return (await page.locator('.words button').allTextContents()).join(' ')
}

/** The violations that axe finds, each with the elements. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] }
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
