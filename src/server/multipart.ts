import { Busboy } from '@fastify/busboy'
import { counted, thousands } from '../wording.ts'
import { Failure } from './failure.ts'
import type { ServerLimits } from './limits.ts'

/** The name of the part with the picture. */
export const IMAGE_PART = 'image'

/**
 * The picture in a multipart form: its part `image`. Throws Failure for a form without one, with several, or beyond the
 * limits. Names of files are not looked at.
 */
export function imageOfForm(
  body: Buffer,
  contentType: string,
  { parts, bytes }: Pick<ServerLimits, 'parts' | 'bytes'>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const images: Buffer[] = []
    const malformed = (): void => reject(new Failure(400, 'The form is malformed or cut short'))
    const tooMany = (): void => reject(new Failure(413, `The form has more than ${counted(parts, 'part')}`))
    const form = makeParser(contentType, parts, bytes)
    form.on('file', (name, file) => {
      const chunks: Buffer[] = []
      file.on('data', (chunk: Buffer) => chunks.push(chunk))
      file.on('limit', () =>
        reject(new Failure(413, `The picture has more than ${thousands(bytes)} bytes, the most that is accepted`)),
      )
      file.on('error', malformed)
      file.on('end', () => name === IMAGE_PART && images.push(Buffer.concat(chunks)))
    })
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) form.on(limit, tooMany)
    form.on('error', malformed)
    form.on('finish', () => {
      if (images.length === 1) return resolve(images[0]!)
      const found = images.length === 0 ? 'no file' : `${images.length} files`
      reject(new Failure(400, `The form has ${found} named "${IMAGE_PART}"; give one picture there`))
    })
    form.end(body)
  })
}

function makeParser(contentType: string, parts: number, bytes: number): InstanceType<typeof Busboy> {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: (name, _type, file) => name === IMAGE_PART || file !== undefined,
      limits: { parts, files: parts, fields: parts, fileSize: bytes, headerPairs: 20, headerSize: 4096 },
    })
  } catch {
    throw new Failure(400, 'The form has no boundary in its Content-Type')
  }
}
