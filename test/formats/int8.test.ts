import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromFloat16, toFloat16 } from '../../src/formats/float16.ts'
import { blocksOf, fromInt8, INT8_BLOCK, toInt8 } from '../../src/formats/int8.ts'

test('an error is at most half a step of its block, and a block does not depend on others', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.integer({ min: -64_000, max: 64_000 })),
      (length, rows, stream) => {
        const numbers = Float32Array.from({ length: rows * length }, () => stream.next().value / 64)
        const back = fromInt8(toInt8(numbers, length), length)
        for (let row = 0; row < rows; row++)
          for (let block = 0; block < blocksOf(length); block++) {
            const first = row * length + block * INT8_BLOCK
            const last = Math.min(first + INT8_BLOCK, (row + 1) * length)
            const part = numbers.slice(first, last)
            const scale = fromFloat16(toFloat16(Float32Array.of(Math.max(...part.map(Math.abs)) / 127)))[0]!
            // the largest number may lose what its scale loses as float16: 127 halves of 2^-11 of it
            for (const [i, number] of part.entries())
              expect(Math.abs(number - back[first + i]!)).toBeLessThanOrEqual(scale * (0.5 + 127 * 2 ** -11) + 1e-9)
            expect([...fromInt8(toInt8(part, part.length), part.length)]).toEqual([...back.slice(first, last)])
          }
      },
    ),
    { numRuns: 50 },
  )
})

test('multiples of a scale that float16 has come back exactly', () => {
  const numbers = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? (i * 8 - 121) / 64 : (127 - (i % 32)) * 4))
  numbers[0] = -127 / 64
  expect(fromInt8(toInt8(numbers, 64), 64)).toEqual(numbers)
})
