import { ciderOf } from './cider.ts'
import type { DocumentFrequencies } from './document-frequencies.ts'
import type { Tokens } from './metric.ts'

/**
 * Self-CIDEr (Wang and Chan, "Describing like Humans", CVPR 2019, section 3): how different an image's captions are from each other, from 0, all the same,
 * to 1, nothing in common; the mean over images. Each image needs at least two captions. With K the CIDEr of every caption against every other, scaled to 1,
 * and its eigenvalues λ, it is -log_m(max √λ / Σ √λ), m being the number of captions.
 */
export function selfCider(images: readonly (readonly Tokens[])[], documentFrequencies: DocumentFrequencies): number {
  const kernels = images.map((captions) => captions.map(() => new Array<number>(captions.length)))
  const cider = ciderOf({ documentFrequencies, plain: true }).prepare(images.flat().map((caption) => [caption]))
  const most = Math.max(...images.map((captions) => captions.length))
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

/** -log_m(max √λ / Σ √λ) of a kernel's eigenvalues; captions that weigh nothing have nothing in common. */
function spread(kernel: readonly (readonly number[])[]): number {
  const roots = eigenvalues(kernel).map((value) => Math.sqrt(Math.max(0, value)))
  const sum = roots.reduce((total, root) => total + root, 0)
  return sum === 0 ? 1 : -Math.log(Math.max(...roots) / sum) / Math.log(kernel.length)
}

/** The eigenvalues of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan, Matrix Computations, section 8.5). */
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

/** Makes the entry (p, q) 0. */
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
