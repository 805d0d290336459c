import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomic } from './files.ts'

/** The user's folder for what can be made again: $XDG_CACHE_HOME or ~/.cache (XDG Base Directory, where a relative path does not count), on Windows %LOCALAPPDATA%. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = environment
  const base = platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : undefined
  return join(base || join(homedir(), '.cache'), 'mia-caption')
}

/**
 * The bytes of a file of the cache folder, made and kept there if it is missing or is not what was written: the checksum stands beside it, in
 * `<name>.sha256`. Where the folder cannot be written to, the bytes are made each time.
 */
export async function cached(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const path = join(cacheFolder(), name)
  const [bytes, checksum] = await Promise.all([
    readFile(path).catch(() => undefined),
    readFile(`${path}.sha256`, 'utf8').catch(() => undefined),
  ])
  if (bytes && checksum === checksumLine(bytes, name)) return bytes
  const made = await make()
  try {
    await writeFileAtomic(path, made)
    await writeFileAtomic(`${path}.sha256`, checksumLine(made, name))
  } catch {
    // a home that cannot be written to is no reason to stop: only time is lost
  }
  return made
}

/** Is a file of the cache folder other than its checksum says, or not to be read? One without a checksum is not judged. */
export async function isDamaged(name: string): Promise<boolean> {
  const path = join(cacheFolder(), name)
  const checksum = await readFile(`${path}.sha256`, 'utf8').catch(() => undefined)
  if (checksum === undefined) return false
  const bytes = await readFile(path).catch(() => undefined)
  return bytes === undefined || checksum !== checksumLine(bytes, name)
}

/** As sha256sum writes and checks it. */
const checksumLine = (bytes: Uint8Array, name: string): string =>
  `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`
