import { thousands } from '../wording.ts'
import { Failure } from './failure.ts'
import type { Service } from './service.ts'

/**
 * Checks a picture before it takes a place in the queue. Throws Failure if it has more bytes or pixels than the limits,
 * ImageError if it is no picture.
 */
export async function checkPicture(bytes: Uint8Array, { captioner, limits }: Service): Promise<void> {
  if (bytes.length > limits.bytes)
    throw new Failure(
      413,
      `The picture has ${thousands(bytes.length)} bytes, and ${thousands(limits.bytes)} are accepted`,
    )
  const { width, height } = await captioner.engine.pictures.size(bytes)
  if (width * height > limits.pixels)
    throw new Failure(
      413,
      `The picture has ${thousands(width * height)} pixels, and ${thousands(limits.pixels)} are accepted; send a smaller copy`,
    )
}

/**
 * The bytes of the picture in base64 text or, with `dataUrl`, in a data: URL. Nothing is fetched: any other URL is
 * refused. Throws Failure.
 */
export function decodeBase64(text: string, dataUrl: boolean): Buffer {
  if (!dataUrl) return Buffer.from(text, 'base64')
  const comma = text.indexOf(',')
  const head = text.slice(0, Math.max(0, comma))
  if (!/^data:[\w.+/-]*;base64$/i.test(head.slice(0, 100)))
    throw new Failure(400, 'The picture must be a data: URL in base64; this server fetches no other')
  return Buffer.from(text.slice(comma + 1), 'base64')
}
