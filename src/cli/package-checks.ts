import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Check, REINSTALL } from './check.ts'
import { packageVersion } from './version.ts'

/** The captioner lies in this package itself, where `npm ci` in a clone changes nothing. */
const MEND_CAPTIONER = 'install the package mia-caption again (in a clone: git checkout pretrained)'

/** Is what `mia caption` needs here as it was published: the captioner's files and the network that npm brings? */
export const packageChecks: readonly { readonly what: string; readonly look: () => Promise<Check> }[] = [
  { what: 'mia-caption', look: async () => ({ what: 'mia-caption', state: 'ok', found: packageVersion() }) },
  { what: 'captioner', look: () => captioner() },
  { what: 'network', look: network },
]

/** The packed captioner against the checksums on its card. */
export async function captioner(folder?: string): Promise<Check> {
  const { PRETRAINED } = await import('../hosts/node/pretrained.ts')
  const where = folder ?? PRETRAINED
  const { readCard } = await import('../disk/card-file.ts')
  const card = await readCard(where).catch((error: Error) => error)
  if (card instanceof Error) return { what: 'captioner', state: 'broken', found: card.message, mend: MEND_CAPTIONER }
  const { files } = card
  for (const { path, sha256 } of files) {
    const bytes = await readFile(join(where, path)).catch(() => undefined)
    if (!bytes)
      return { what: 'captioner', state: 'broken', found: `${path} is missing in ${where}`, mend: MEND_CAPTIONER }
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      return { what: 'captioner', state: 'broken', found: `${path} in ${where} is damaged`, mend: MEND_CAPTIONER }
  }
  return { what: 'captioner', state: 'ok', found: `${files.length} files in ${where}, as their card says` }
}

/** The network's files against the checksum that the captioner was trained with. */
async function network(): Promise<Check> {
  const { PRETRAINED } = await import('../hosts/node/pretrained.ts')
  const { readRunConfig } = await import('../disk/run.ts')
  const { builtinFiles } = await import('../vision/networks/builtin/model.ts')
  const { features } = await readRunConfig(PRETRAINED)
  const { nodeAssets: assets } = await import('../hosts/node/assets.ts')
  const { digest: sha256 } = await builtinFiles({ assets })
  return 'network' in features && features.network.sha256 === sha256
    ? {
        what: 'network',
        state: 'ok',
        found: `the one that the captioner was trained with (sha256 ${sha256.slice(0, 12)})`,
      }
    : {
        what: 'network',
        state: 'broken',
        found: `in @vladmandic/human, another than the captioner was trained with (sha256 ${sha256.slice(0, 12)})`,
        mend: REINSTALL,
      }
}
