import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../../src/disk/checkpoint.ts'
import { readSafetensors, writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import type { TensorData } from '../../src/formats/safetensors.ts'

const tensor = (shape: number[], first: number): TensorData => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i / 3),
})
const parameters = (first: number) =>
  new Map([
    ['mia/visual.weight', tensor([2, 3], first)],
    ['bias', tensor([3], -first)],
  ])
const checkpoint: Checkpoint = {
  step: 1234,
  epoch: 3,
  batch: 109,
  best: { epoch: 2, score: 0.4712345678901234 },
  weights: parameters(1),
  firstMoments: parameters(0.1),
  secondMoments: parameters(1e-9),
}

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  path = join(folder, 'checkpoint.safetensors')
})
afterEach(() => rm(folder, { recursive: true }))

describe('readCheckpoint()', () => {
  test('returns what writeCheckpoint() was given, to the last bit, and equal checkpoints are equal bytes', async () => {
    await writeCheckpoint(path, checkpoint)
    expect(await readCheckpoint(path)).toEqual(checkpoint)
    const bytes = await readFile(path)
    await writeCheckpoint(path, await readCheckpoint(path))
    expect((await readFile(path)).equals(bytes)).toBe(true)
  })

  test('returns null as the best of a run that has no score yet', async () => {
    await writeCheckpoint(path, { ...checkpoint, best: null })
    expect((await readCheckpoint(path)).best).toBeNull()
  })

  test('refuses weights without moments, or with moments of another shape', async () => {
    await writeCheckpoint(path, { ...checkpoint, secondMoments: new Map([['bias', tensor([3], 0)]]) })
    await expect(readCheckpoint(path)).rejects.toThrow('weight "mia/visual.weight" has no moments of its shape')
    const transposed = new Map([...parameters(0), ['mia/visual.weight', tensor([3, 2], 0)] as const])
    await writeCheckpoint(path, { ...checkpoint, firstMoments: transposed })
    await expect(readCheckpoint(path)).rejects.toThrow('weight "mia/visual.weight" has no moments of its shape')
  })

  test.each(['weights', 'firstMoments', 'secondMoments', 'averages'] as const)(
    'refuses %s of another type than F32',
    async (group) => {
      const bias: TensorData = { dtype: 'I64', shape: [3], data: BigInt64Array.of(1n, 2n, 3n) }
      const averages = parameters(2)
      const all = { ...checkpoint, averages }
      await writeCheckpoint(path, { ...all, [group]: new Map([...all[group], ['bias', bias]]) })
      await expect(readCheckpoint(path)).rejects.toThrow(UserError)
      await expect(readCheckpoint(path)).rejects.toThrow(
        `Cannot read "${path}": "${group}/bias" has the type I64 and should be F32`,
      )
    },
  )

  test('refuses another safetensors file, and progress that is not a count', async () => {
    await writeSafetensors(path, checkpoint.weights)
    await expect(readCheckpoint(path)).rejects.toThrow(`Cannot read "${path}": `)
    await writeCheckpoint(path, { ...checkpoint, step: -1 })
    await expect(readCheckpoint(path)).rejects.toThrow('step is -1 and should be at least 0')
  })

  test('can be read as a safetensors file like any other', async () => {
    await writeCheckpoint(path, checkpoint)
    const { tensors } = await readSafetensors(path, 'checkpoint')
    expect([...tensors.keys()].sort()).toEqual(
      ['weights', 'firstMoments', 'secondMoments']
        .flatMap((group) => [`${group}/bias`, `${group}/mia/visual.weight`])
        .sort(),
    )
  })
})
