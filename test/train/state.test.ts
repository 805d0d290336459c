import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeCheckpoint } from '../../src/disk/checkpoint.ts'
import { UserError } from '../../src/errors.ts'
import { Scope } from '../../src/nn/scope.ts'
import { startOrRestore } from '../../src/train/state.ts'
import { damaged, damages } from '../support/damaged-weights.ts'
import { temporaryFolder } from '../support/folder.ts'
import { halves } from '../support/small-run.ts'

const scope = new Scope()
scope.parameter('out.weight', [2, 3], (shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(7))
scope.parameter('out.bias', [3], () => new Float32Array(3))
const parameters = [...scope.parameters.values()]
const whole = () => {
  const weights = halves(scope.parameters)
  const progress = { step: 12, epoch: 2, batch: 0, best: { epoch: 1, score: 0.5 } }
  return { ...progress, weights, firstMoments: weights, secondMoments: weights, averages: weights }
}

describe('startOrRestore()', () => {
  test('starts a new run where there is no checkpoint, and restores one', async () => {
    const path = join(await temporaryFolder(), 'checkpoint.safetensors')
    const begun = await startOrRestore(path, parameters, 1)
    expect(begun.progress).toEqual({ step: 0, epoch: 0, batch: 0, best: null })
    expect([...begun.state.tensors().weights.get('out.weight')!.data]).toEqual([7, 7, 7, 7, 7, 7])
    await writeCheckpoint(path, whole())
    const { state, progress, averages } = await startOrRestore(path, parameters, 1)
    expect(progress).toMatchObject({ step: 12, epoch: 2, best: { epoch: 1, score: 0.5 } })
    expect(state.tensors()).toEqual({
      weights: whole().weights,
      firstMoments: whole().weights,
      secondMoments: whole().weights,
    })
    expect(averages).toEqual(whole().weights)
  })

  test.each(
    (['weights', 'firstMoments', 'secondMoments', 'averages'] as const).flatMap((group) =>
      damages.map(([what, damage]) => [group, what, damage] as const),
    ),
  )('refuses a checkpoint whose %s have %s, as a mistake of the file', async (group, _, damage) => {
    const path = join(await temporaryFolder(), 'checkpoint.safetensors')
    const checkpoint = whole()
    await writeCheckpoint(path, { ...checkpoint, [group]: damaged(checkpoint[group], 'out.bias', damage) })
    await expect(startOrRestore(path, parameters, 1)).rejects.toThrow(UserError)
    await expect(startOrRestore(path, parameters, 1)).rejects.toThrow(path)
  })

  test('refuses the checkpoint of another model', async () => {
    const path = join(await temporaryFolder(), 'checkpoint.safetensors')
    const other = new Scope()
    other.parameter('out.weight', [2, 4], () => new Float32Array(8))
    const weights = halves(other.parameters)
    await writeCheckpoint(path, {
      ...whole(),
      weights,
      firstMoments: weights,
      secondMoments: weights,
      averages: weights,
    })
    await expect(startOrRestore(path, parameters, 1)).rejects.toThrow(
      `Cannot read weights of checkpoint "${path}": "out.weight" is [2, 4] and should be [2, 3]; start the run again`,
    )
  })
})
