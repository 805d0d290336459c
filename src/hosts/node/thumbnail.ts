import { type ImageInput, openImage } from './pictures.ts'

/** A picture made small for a page. */
export interface Thumbnail {
  /** the picture itself as a data: URL, JPEG */
  readonly url: string
  readonly width: number
  readonly height: number
}

/** A picture turned as its EXIF orientation says, at most `size` pixels wide and high, its proportions kept. Throws ImageError as decodeImage() does. */
export async function thumbnail(input: ImageInput, size: number): Promise<Thumbnail> {
  const { image, fail } = await openImage(input)
  const { data, info } = await image
    .autoOrient()
    .flatten({ background: '#fff' })
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer({ resolveWithObject: true })
    .catch(fail)
  return { url: `data:image/jpeg;base64,${data.toString('base64')}`, width: info.width, height: info.height }
}
