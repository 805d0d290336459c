import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from './errors.ts'

/** Writes a file whole: beside it first, flushed, then renamed, so that no reader ever sees half of it. */
export async function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`
  const file = await open(beside, 'w')
  try {
    if (Array.isArray(data)) for (const part of data as readonly Uint8Array[]) await file.writeFile(part)
    else await file.writeFile(data as string | Uint8Array)
    await file.sync()
    await file.close()
    await rename(beside, path)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(beside, { force: true })
    throw error
  }
}

/** The text of a file; `what` names it in the error, as in "dataset". Throws UserError if it cannot be read. */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UserError(
      `Cannot read ${what} "${path}": ${code === 'ENOENT' ? 'there is no such file' : (code ?? error)}`,
    )
  }
}

/** A JSON file, parsed. Throws UserError with the position of the mistake if it is not JSON. */
export async function readJson(path: string, what: string): Promise<unknown> {
  const text = await readText(path, what)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Cannot read ${what} "${path}": it is not JSON (${(error as Error).message})`)
  }
}
