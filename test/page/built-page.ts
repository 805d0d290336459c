import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ExportWebOptions, exportWeb } from '../../src/hosts/node/export-web.ts'

/** Builds the page into a folder, by default with the pretrained captioner. */
export async function buildPage(out: string, options: Omit<ExportWebOptions, 'out'> = {}): Promise<void> {
  const script = fileURLToPath(new URL('../../scripts/build-web.mjs', import.meta.url))
  execFileSync(process.execPath, [script, '--out', out, '--without-model'])
  await exportWeb({ ...options, out: join(out, 'model') })
}
