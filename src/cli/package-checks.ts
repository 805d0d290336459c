import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from './check.ts'
import { packageVersion } from './version.ts'

const MEND = 'install the packages again: npm ci'

/** Is what `mia caption` needs here as it was published: the captioner's files and the network that npm brings? */
export const packageChecks: readonly { readonly what: string; readonly look: () => Promise<Check> }[] = [
  { what: 'mia-caption', look: async () => ({ what: 'mia-caption', state: 'ok', found: packageVersion() }) },
  { what: 'captioner', look: captioner },
  { what: 'network', look: network },
]

/** The packed captioner against the checksums on its card. */
async function captioner(): Promise<Check> {
  const { PRETRAINED } = await import('../photos/pretrained.ts')
  const { readCard } = await import('../train/card-file.ts')
  const { files } = await readCard(PRETRAINED)
  for (const { path, sha256 } of files) {
    const bytes = await readFile(join(PRETRAINED, path)).catch(() => undefined)
    if (!bytes) return { what: 'captioner', state: 'broken', found: `${path} is missing in ${PRETRAINED}`, mend: MEND }
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      return { what: 'captioner', state: 'broken', found: `${path} in ${PRETRAINED} is damaged`, mend: MEND }
  }
  return { what: 'captioner', state: 'ok', found: `${files.length} files in ${PRETRAINED}, as their card says` }
}

/** The network's files against the checksum that the captioner was trained with. */
async function network(): Promise<Check> {
  const { PRETRAINED } = await import('../photos/pretrained.ts')
  const { readRunConfig } = await import('../train/run.ts')
  const { builtinFiles } = await import('../vision/builtin/model.ts')
  const { features } = await readRunConfig(PRETRAINED)
  const { sha256 } = await builtinFiles()
  return 'network' in features && features.network.sha256 === sha256
    ? {
        what: 'network',
        state: 'ok',
        found: `the one that the captioner was trained with (sha256 ${sha256.slice(0, 12)})`,
      }
    : {
        what: 'network',
        state: 'broken',
        found: `another than the captioner was trained with (sha256 ${sha256.slice(0, 12)})`,
        mend: MEND,
      }
}
