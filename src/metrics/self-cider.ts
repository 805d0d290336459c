import { ciderOf } from './cider.ts'
import type { DocumentFrequencies } from './document-frequencies.ts'
import type { Tokens } from './metric.ts'

/**
 * Self-CIDEr, the diversity of the captions of an image (Wang and Chan, "Describing like Humans", CVPR 2019, section
 * 3): 0 if all are equal, 1 if they have nothing in common; the mean over images. With K `[m, m]` the CIDEr of each of
 * the m captions against each other, scaled to 0..1, and λ its eigenvalues, it is -log_m(max √λ / Σ √λ). Throws
 * RangeError for an image with fewer than two captions.
 */
export function selfCider(images: readonly (readonly Tokens[])[], documentFrequencies: DocumentFrequencies): number {
  const single = images.findIndex((captions) => captions.length < 2)
  if (single >= 0)
    throw new RangeError(`Cannot compute Self-CIDEr: image ${single} has fewer than two captions; leave it out`)
  const kernels = images.map((captions) => captions.map(() => new Array<number>(captions.length)))
  const cider = ciderOf({ documentFrequencies, plain: true }).prepare(images.flat().map((caption) => [caption]))
  const most = images.reduce((largest, captions) => Math.max(largest, captions.length), 0)
  // Each pass scores every caption against the one `shift` places further among the captions of its image.
  for (let shift = 0; shift < most; shift++) {
    const other = (captions: readonly Tokens[], i: number): number => (i + shift) % captions.length
    const candidates = images.flatMap((captions) => captions.map((_, i) => captions[other(captions, i)]!))
    const { each } = cider.score(candidates).get('CIDEr_plain')!
    let at = 0
    for (const [image, captions] of images.entries())
      for (const i of captions.keys()) kernels[image]![i]![other(captions, i)] = each[at++]! / 10
  }
  return kernels.map(spread).reduce((sum, each) => sum + each, 0) / images.length
}

/** -log_m(max √λ / Σ √λ) of a kernel's eigenvalues; 1 for a kernel of zeros. */
function spread(kernel: readonly (readonly number[])[]): number {
  const roots = eigenvalues(kernel).map((value) => Math.sqrt(Math.max(0, value)))
  const sum = roots.reduce((total, root) => total + root, 0)
  return sum === 0 ? 1 : -Math.log(Math.max(...roots) / sum) / Math.log(kernel.length)
}

/** The eigenvalues of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5). */
export function eigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row])
  const size = a.length
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        off += a[p]![q]! ** 2
        rotate(a, p, q)
      }
    if (off < 1e-20) break
  }
  return a.map((row, i) => row[i]!)
}

/** Applies the Jacobi rotation that makes entry (p, q) zero. */
function rotate(a: number[][], p: number, q: number): void {
  if (a[p]![q] === 0) return
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!)
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
  const cosine = 1 / Math.hypot(tangent, 1)
  const sine = tangent * cosine
  for (const row of a) [row[p], row[q]] = [cosine * row[p]! - sine * row[q]!, sine * row[p]! + cosine * row[q]!]
  const [above, below] = [a[p]!, a[q]!]
  a[p] = above.map((value, i) => cosine * value - sine * below[i]!)
  a[q] = above.map((value, i) => sine * value + cosine * below[i]!)
}
