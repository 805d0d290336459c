import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { exportWeb } from '../../../src/hosts/node/export-web.ts'
import { CHROMIUM, startChromium } from '../../page/chromium.ts'
import { serveFolder } from '../../page/static-server.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeTinyRun } from '../../support/tiny-run.ts'

const WEB = fileURLToPath(new URL('../../../src/hosts/web/', import.meta.url))

test.skipIf(!CHROMIUM)(
  'without onnxruntime-web the library can be bundled, and loading a captioner says what to install',
  async () => {
    const [run, folder] = await Promise.all([temporaryFolder(), temporaryFolder()])
    await writeTinyRun(run)
    await exportWeb({ run, out: join(folder, 'model'), cnn: join(run, 'network.onnx') })
    await build({
      entryPoints: [join(WEB, 'index.ts'), join(WEB, 'worker.ts')],
      outdir: folder,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      logLevel: 'silent',
      // esbuild leaves an import that it cannot resolve for the page, where its failure is handled
      alias: { 'onnxruntime-web': join(folder, 'not-installed') },
    })
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>A page of one’s own</title>')
    const server = await serveFolder(folder)
    const browser = await startChromium()
    try {
      const page = await browser.newPage()
      await page.goto(server.url)
      const error = await page.evaluate(
        `import('./index.js').then(({ Captioner }) => Captioner.load('model/')).catch(({ name, message }) => [name, message])`,
      )
      expect(error).toEqual([
        'UserError',
        expect.stringMatching(
          /^Cannot load onnxruntime-web \(.+\): if it is not installed, run "npm install onnxruntime-web" and bundle/,
        ),
      ])
    } finally {
      await browser.close()
      await server.close()
    }
  },
)
