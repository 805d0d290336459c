import { describe, expect, test } from 'vitest'
import { LAUNCHERS, launch } from '../../../support/mpi.ts'

const SCRIPT = new URL('collectives.ts', import.meta.url)

interface Outcome {
  readonly rank: number
  readonly local: { readonly rank: number; readonly size: number }
  readonly ucx: readonly string[]
  readonly sums: readonly string[]
  readonly root: string
  readonly gathered: readonly (readonly number[])[]
  readonly received: readonly number[]
}

const cases = LAUNCHERS.flatMap((launcher) => [1, 2, 3].map((size) => [launcher.name, size, launcher] as const))

describe.skipIf(cases.length === 0).each(cases)('%s with %i ranks', (name, size, launcher) => {
  test('every rank gets sums, broadcast, gathered and exchanged bytes, without the hooks of UCX', async () => {
    const { status, stdout, stderr } = await launch(launcher, SCRIPT, [], {
      ranks: size,
      env: { UCX_HANDLE_ERRORS: 'mine' },
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { description, all } = JSON.parse(stdout) as { description: string; all: readonly Outcome[] }
    expect(description).toMatch(new RegExp(`^${size} ranks? by ${name} \\d.*: rank 0 is process \\d+ on `))
    expect(all.map(({ rank }) => rank)).toEqual(Array.from({ length: size }, (_, i) => i))
    expect(all.map(({ ucx }) => ucx)).toEqual(Array(size).fill(['no', 'mine']))
    expect(all.map(({ local }) => local)).toEqual(all.map(({ rank }) => ({ rank, size })))
    const numbers = (rank: number) =>
      Float32Array.from({ length: 100_003 }, (_, i) => Math.fround(Math.sin(i + 1000 * rank) * 10 ** (i % 7)))
    const expected = [numbers(0), numbers(0).subarray(5, 50_000)]
    for (const [i, { sums, root, gathered, received }] of all.entries()) {
      expect(sums).toEqual(all[0]!.sums) // bit by bit
      for (const [n, sum] of sums.entries()) {
        const bytes = Buffer.from(sum, 'base64')
        const got = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
        expect(got.length).toBe(expected[n]!.length)
        const offset = n === 0 ? 0 : 5
        let worst = 0
        for (const [at, value] of got.entries()) {
          let exact = 0
          for (let rank = 0; rank < size; rank++)
            exact += Math.fround(Math.sin(at + offset + 1000 * rank) * 10 ** ((at + offset) % 7))
          worst = Math.max(worst, Math.abs(value - exact) / 10 ** ((at + offset) % 7))
        }
        expect(worst).toBeLessThan(1e-6)
      }
      expect([...Buffer.from(root, 'base64')]).toEqual(Array.from({ length: 70_001 }, (_, at) => at % 251))
      expect(gathered).toEqual(Array.from({ length: size }, (_, rank) => Array(3 * rank).fill(rank)))
      expect(received).toEqual(
        Array.from({ length: size }, (_, rank) => [100 * rank + 2 * i, 100 * rank + 2 * i + 1]).flat(),
      )
    }
  })
})
