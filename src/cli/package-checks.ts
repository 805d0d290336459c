import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from './check.ts'
import { packageVersion } from './version.ts'

/** The captioner is part of this package, so `npm ci` in a clone does not restore it. */
const RESTORE = 'install the package mia-caption again (in a clone: git checkout pretrained)'

/** The checks of this package: its version, the files of the pretrained captioner, and its CNN. */
export const packageChecks: readonly { readonly name: string; readonly check: () => Promise<Check> }[] = [
  { name: 'mia-caption', check: async () => ({ name: 'mia-caption', status: 'ok', found: packageVersion() }) },
  { name: 'pretrained captioner', check: () => pretrained() },
  { name: 'pretrained CNN', check: network },
]

/** Compares the files of a packaged captioner, by default the pretrained one, with the checksums on its card. */
export async function pretrained(folder?: string): Promise<Check> {
  const { PRETRAINED } = await import('../hosts/node/pretrained.ts')
  const { readCard } = await import('../disk/card-file.ts')
  const where = folder ?? PRETRAINED
  const name = 'pretrained captioner'
  const broken = (found: string): Check => ({ name, status: 'error', found, fix: RESTORE })
  const card = await readCard(where).catch((error: Error) => error)
  if (card instanceof Error) return broken(card.message)
  for (const { path, sha256 } of card.files) {
    const bytes = await readFile(join(where, path)).catch(() => undefined)
    if (!bytes) return broken(`${path} is missing in ${where}`)
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) return broken(`${path} in ${where} is damaged`)
  }
  return { name, status: 'ok', found: `${card.files.length} files in ${where}, checksums match` }
}

/** Compares the pretrained CNN with the checksum in the configuration of the pretrained captioner. */
async function network(): Promise<Check> {
  const { PRETRAINED } = await import('../hosts/node/pretrained.ts')
  const { readRunConfig } = await import('../disk/run.ts')
  const { nodeAssets: assets } = await import('../hosts/node/assets.ts')
  const { features } = await readRunConfig(PRETRAINED)
  const { BUILTIN_FILE } = await import('../vision/networks/builtin.ts')
  const { sha256: digestOf } = await import('../formats/sha256.ts')
  const digest = await digestOf(await assets.builtin(BUILTIN_FILE))
  const name = 'pretrained CNN'
  const found = `sha256 ${digest.slice(0, 12)}`
  return 'network' in features && features.network.sha256 === digest
    ? { name, status: 'ok', found: `${BUILTIN_FILE}, checksum matches (${found})` }
    : {
        name,
        status: 'error',
        found: `${BUILTIN_FILE}, not the CNN that the captioner was trained with (${found})`,
        fix: RESTORE,
      }
}
