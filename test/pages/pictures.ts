import type { ImageInput, Pictures } from '../../src/engine/pictures.ts'

/** A decoder that has every picture, and counts how many are open at once. */
export class CountingPictures implements Pictures {
  /** the pictures asked for, in order */
  readonly opened: ImageInput[] = []
  /** the most pictures that were open at once */
  peak = 0
  #open = 0

  async thumbnail(input: ImageInput) {
    this.opened.push(input)
    this.peak = Math.max(this.peak, ++this.#open)
    await new Promise((resolve) => setTimeout(resolve, 1))
    this.#open -= 1
    return { url: 'data:image/png;base64,AA', width: 4, height: 2 }
  }

  async size() {
    return { width: 4, height: 2 }
  }

  async decode(_: ImageInput, { width, height }: { width: number; height: number }) {
    return new Uint8Array(3 * width * height)
  }

  nameOf = (input: ImageInput) => String(input)
}
