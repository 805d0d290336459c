import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportWeb } from '../../src/hosts/node/export-web.ts'

/** Builds the page into a folder, with the pretrained captioner. */
export async function buildPage(out: string): Promise<void> {
  const script = fileURLToPath(new URL('../../scripts/build-web.mjs', import.meta.url))
  execFileSync(process.execPath, [script, '--out', out, '--without-model'])
  await exportWeb({ out: join(out, 'model') })
}
