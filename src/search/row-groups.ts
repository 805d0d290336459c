/**
 * The rows of a step in groups of equal size, one group for each encoded image: a step computes with an image once for
 * all its rows. Groups with fewer rows than the largest are padded with rows whose results are dropped.
 */
export interface RowGroups {
  /** rows of each group, G */
  readonly size: number
  /** the row at each of the B*G places, image by image; at a padded place some other row */
  readonly rows: Int32Array
  /** the place of each row */
  readonly places: Int32Array
}

/**
 * Groups rows by their images, which ascend. `encoded` are the images of the groups, ascending: all that have rows, and
 * perhaps more.
 */
export function groupRows(images: Int32Array, encoded: Int32Array): RowGroups {
  const firsts = new Int32Array(encoded.length + 1)
  let row = 0
  let size = 1
  for (const [group, image] of encoded.entries()) {
    firsts[group] = row
    while (images[row] === image) row++
    size = Math.max(size, row - firsts[group]!)
  }
  firsts[encoded.length] = row
  const rows = new Int32Array(encoded.length * size)
  const places = new Int32Array(images.length)
  for (let group = 0; group < encoded.length; group++) {
    const count = firsts[group + 1]! - firsts[group]!
    for (let i = 0; i < size; i++) {
      const place = group * size + i
      const own = firsts[group]! + i
      rows[place] = i < count ? own : 0
      if (i < count) places[own] = place
    }
  }
  return { size, rows, places }
}

/** The images that have rows, ascending; `images` are those of the rows, ascending. */
export const imagesWithRows = (images: Int32Array): Int32Array =>
  images.filter((image, row) => row === 0 || image !== images[row - 1])
