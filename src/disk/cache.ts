import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readBytes, readText, writeFileAtomic } from './files.ts'

/**
 * The user's cache folder of this package: in $XDG_CACHE_HOME or ~/.cache, on Windows in %LOCALAPPDATA%. A relative
 * $XDG_CACHE_HOME is ignored, as the XDG Base Directory Specification says.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = environment
  const base = platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : undefined
  return join(base || join(homedir(), '.cache'), 'mia-caption')
}

/**
 * Returns the bytes of a file of the cache folder. If it is missing, or differs from its checksum in `<name>.sha256`,
 * it is made again and stored. If the folder cannot be written to, it is made each time.
 */
export async function cached(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const path = join(cacheFolder(), name)
  const [bytes, checksum] = await Promise.all([
    readBytes(path, 'cache').catch(() => undefined),
    readText(`${path}.sha256`, 'cache').catch(() => undefined),
  ])
  if (bytes && checksum === checksumLine(bytes, name)) return bytes
  const made = await make()
  try {
    await writeFileAtomic(path, made)
    await writeFileAtomic(`${path}.sha256`, checksumLine(made, name))
  } catch {
    // Without a cache only time is lost.
  }
  return made
}

/** Whether a file of the cache folder is unreadable or differs from its checksum; false if it has no checksum. */
export async function isDamaged(name: string): Promise<boolean> {
  const path = join(cacheFolder(), name)
  const checksum = await readText(`${path}.sha256`, 'cache').catch(() => undefined)
  if (checksum === undefined) return false
  const bytes = await readBytes(path, 'cache').catch(() => undefined)
  return bytes === undefined || checksum !== checksumLine(bytes, name)
}

/** The content of `<name>.sha256`, as `sha256sum` writes and checks it. */
const checksumLine = (bytes: Uint8Array, name: string): string =>
  `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`
