import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { gunzip, isZip, type Packing, unzipEntry, zipEntries } from './zip-entries.ts'

export { MAX_TEXT_BYTES, type Packing } from './zip-entries.ts'

/** The bytes of a file after unpacking. */
export interface Unpacked {
  readonly bytes: Uint8Array
  /** From the outside in; empty for a file that is not packed. */
  readonly packings: readonly Packing[]
}

/** A .zip that holds a .gz is read; more layers are not. */
const MOST_LAYERS = 2

/**
 * Unpacks gzip, and zip with one file in it; returns other bytes as they are. `name` names the file in errors, as in
 * `results "a.json.gz"`. Throws UserError for damaged or encrypted data, for a zip of several files, and for more than
 * MAX_TEXT_BYTES.
 */
export async function unpack(bytes: Uint8Array, name: string): Promise<Unpacked> {
  const packings: Packing[] = []
  let content = bytes
  while (packings.length < MOST_LAYERS) {
    if (content[0] === 0x1f && content[1] === 0x8b) {
      content = await gunzip(content, name, 'gzip')
      packings.push('gzip')
    } else if (isZip(content)) {
      content = await unzip(content, name)
      packings.push('zip')
    } else break
  }
  return { bytes: content, packings }
}

/** Paths of a zip archive that do not count as files: folders, and what macOS and Windows add. */
const NOT_COUNTED = /^__MACOSX\/|\/$|(^|\/)(\.DS_Store|Thumbs\.db)$/

/** The only file of a zip archive. */
async function unzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const entries = zipEntries(bytes, name)
  if (entries.some(({ path }) => path === 'xl/workbook.xml' || path === 'content.xml'))
    throw new UserError(`Cannot read ${name}: it is a spreadsheet; save it as CSV in UTF-8`)
  const [entry, ...others] = entries.filter(({ path }) => !NOT_COUNTED.test(path))
  if (!entry) throw new UserError(`Cannot read ${name}: it is a zip archive without a file`)
  if (others.length > 0) {
    const paths = [entry, ...others].map(({ path }) => path)
    throw new UserError(
      `Cannot read ${name}: it is a zip archive of ${counted(paths.length, 'file')} (${firstFew(paths)}); ` +
        'unpack it and give one of them',
    )
  }
  return unzipEntry(bytes, entry, name)
}
