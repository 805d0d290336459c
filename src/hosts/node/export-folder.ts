import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, throwFileError } from '../../disk/errno.ts'
import { readTextIfPresent, writeFileAtomic } from '../../disk/files.ts'
import { withLock } from '../../disk/lock.ts'
import { UserError } from '../../errors.ts'

/** A file of an export, and its size. */
export interface WrittenFile {
  readonly path: string
  readonly bytes: number
}

/** Is in the folder while an export is being written, and says of what. A killed one leaves it. */
const MARK = 'unfinished-export.json'
/** Files that a killed process was writing, which the next write removes, and its lock. */
const LEFT_OVER = /\.part$|^lock\.json/

/**
 * Throws UserError for a folder with files: an export would replace the configuration and vocabulary of a run. What a
 * killed export of the same `recipe` left there is no obstacle.
 */
export async function checkEmpty(folder: string, recipe: object): Promise<void> {
  const found = await readdir(folder).catch((error) =>
    errorCode(error) === 'ENOENT' ? [] : throwFileError('export to', folder, error),
  )
  if (found.filter((name) => !LEFT_OVER.test(name)).length === 0) return
  if ((await readTextIfPresent(join(folder, MARK), 'export')) === formatMark(recipe)) return
  throw new UserError(`Cannot export to "${folder}": it is not empty; give a new folder`)
}

/**
 * Writes the files of an export in their order. Killed, it is written again by the same call. Throws UserError as
 * checkEmpty() does, and if another process exports to the folder.
 */
export async function writeExport(
  folder: string,
  recipe: object,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<WrittenFile[]> {
  await withLock(folder, 'export', async () => {
    await checkEmpty(folder, recipe) // again: another process may have exported until now
    await writeFileAtomic(join(folder, MARK), formatMark(recipe))
    for (const [name, content] of files) await writeFileAtomic(join(folder, name), content)
    await rm(join(folder, MARK), { force: true }).catch((error) => throwFileError('export to', folder, error))
  })
  return [...files].map(([path, content]) => ({ path, bytes: Buffer.byteLength(content) }))
}

const formatMark = (recipe: object): string => `${JSON.stringify(recipe, null, 2)}\n`
