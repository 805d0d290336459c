import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { describeErrno } from '../disk/errno.ts'
import { UserError } from '../errors.ts'
import { DECODABLE, kindByName } from '../vision/image-kind.ts'

/** Something that was found: an image to read, or a file or folder that cannot be read, with the reason. */
export interface Entry {
  readonly name: string
  readonly image?: string | Uint8Array
  readonly reason?: string
  /** it has a format that is not read, by its name */
  readonly leftOut?: boolean
}

/** The reason for a file that Node cannot open by name. */
export const NOT_UTF8 = 'its name is not UTF-8; rename it'

/**
 * Whether a file is named as a picture. Formats that cannot be decoded, such as HEIC, BMP and the RAW files of cameras,
 * are listed too: the reader skips them, with the reason.
 */
const isImage = (name: string): boolean => kindByName(name) !== undefined

/**
 * Finds the images in a folder and, unless `recursive` is false, below, each once, sorted by path. Links are followed,
 * except to folders that contain this one; a file that has links too is listed under its own path. Hidden files and
 * folders are skipped. Folders that cannot be read have a reason in the list. Throws UserError if nothing is found.
 */
export async function imagesBelow(
  folder: string,
  { signal, recursive = true }: { readonly signal?: AbortSignal; readonly recursive?: boolean } = {},
): Promise<Entry[]> {
  const found: Entry[] = []
  const seen = new Set<string>() // real paths of folders and images
  const links: string[] = []
  const root = await realpath(folder)

  const addImage = (path: string, real: string): void => {
    if (!isImage(path) || seen.has(real)) return
    seen.add(real)
    found.push({ name: path, image: path, leftOut: !DECODABLE.includes(kindByName(path)!) })
  }
  const addFolder = async (path: string, real: string): Promise<void> => {
    signal?.throwIfAborted()
    if (seen.has(real)) return
    seen.add(real)
    const entries = await list(path)
    if (typeof entries === 'string') found.push({ name: path, reason: entries })
    else
      for (const { name, kind, isUtf8 } of entries) {
        const child = join(path, name)
        if (!isUtf8) {
          if ((recursive && kind === 'folder') || isImage(name)) found.push({ name: child, reason: NOT_UTF8 })
        } else if (kind === 'link') links.push(child)
        else if (kind === 'folder') recursive && (await addFolder(child, join(real, name)))
        else addImage(child, join(real, name))
      }
  }

  await addFolder(folder, root)
  // Links come last, so that a file's own path is preferred. Folders that they lead to may add links to the list.
  for (const link of links) {
    const real = await realpath(link).catch(() => link) // a broken link, which the reader names
    const isFolder = (await stat(real).catch(() => undefined))?.isDirectory() ?? false
    if (!isFolder) addImage(link, real)
    else if (recursive && !contains(real, root)) await addFolder(link, real)
  }
  if (found.length === 0)
    throw new UserError(`Cannot find images in the folder "${folder}": it has no JPEG, PNG, WebP or other image files`)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const contains = (folder: string, path: string): boolean =>
  `${path}${sep}`.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)

interface Listed {
  /** in escapes if it is not UTF-8, as in `caf\\xe9.jpg` */
  readonly name: string
  readonly isUtf8: boolean
  readonly kind: 'folder' | 'link' | 'file'
}

/** The entries of a folder that are not hidden, or the reason why it cannot be read. */
async function list(folder: string): Promise<Listed[] | string> {
  try {
    // Names as bytes: in a string, Node would replace what is not UTF-8. The types of Node 20 lack this combination.
    const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' as 'utf8' })
    return entries.flatMap((entry) => {
      const kind = entry.isSymbolicLink() ? 'link' : entry.isDirectory() ? 'folder' : 'file'
      const name = nameOf(entry.name as unknown as Uint8Array)
      return name.name.startsWith('.') ? [] : [{ kind, ...name }]
    })
  } catch (error) {
    const words = describeErrno(error)
    if (words === undefined) throw error
    return `the folder cannot be read: ${words}`
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function nameOf(bytes: Uint8Array): Pick<Listed, 'name' | 'isUtf8'> {
  try {
    return { name: UTF8.decode(bytes), isUtf8: true }
  } catch {
    const escaped = (byte: number): string =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
    return { name: Array.from(bytes, escaped).join(''), isUtf8: false }
  }
}
