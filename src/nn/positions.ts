import { add, constant, mul, sin, type Tensor } from '../graph/index.ts'

/**
 * Sinusoidal encodings of positions (Vaswani et al. 2017, section 3.5): `positions`, float32 `[…, 1]` from 0, →
 * `[…, size]`, with sin(p / 10000^(2k/size)) at 2k and the cosine of the same angle at 2k + 1.
 */
export function positionEncoding(positions: Tensor, size: number): Tensor {
  const angles = Array.from({ length: size }, (_, i) => 10_000 ** ((-2 * Math.floor(i / 2)) / size))
  const shifts = angles.map((_, i) => (i % 2 === 0 ? 0 : Math.PI / 2)) // cos x = sin(x + π/2)
  return sin(add(mul(positions, constant(angles)), constant(shifts)))
}
