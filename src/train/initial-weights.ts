import type { RunConfig } from '../caption/run-config.ts'
import { type Weights, weightsOf } from '../caption/weights.ts'
import { readBytes } from '../disk/files.ts'
import { runFiles } from '../disk/run.ts'
import { readSafetensors } from '../disk/safetensors-file.ts'
import { UserError } from '../errors.ts'
import { sha256 } from '../formats/sha256.ts'
import type { Parameter } from '../nn/scope.ts'

/** The weights that a run begins with, as its configuration names them. */
export type InitialWeights = NonNullable<RunConfig['training']['from']>

/** Names the best weights of the run in `folder`. Throws UserError if it has none. */
export async function initialWeightsOf(folder: string): Promise<InitialWeights> {
  return { run: folder, sha256: await sha256(await readBytes(runFiles(folder).weights, 'weights')) }
}

/**
 * Reads the weights that a run begins with. Throws UserError if they have changed since the run was configured, or do
 * not fit the parameters.
 */
export async function readInitialWeights(
  { run, sha256: expected }: InitialWeights,
  parameters: ReadonlyMap<string, Parameter>,
): Promise<Weights> {
  const path = runFiles(run).weights
  const advice = 'start the run again in another folder'
  if ((await initialWeightsOf(run)).sha256 !== expected)
    throw new UserError(
      `Cannot begin with the weights "${path}": they have changed since the run was set up; ${advice}`,
    )
  const { tensors } = await readSafetensors(path, 'weights')
  return weightsOf(tensors, parameters, `weights "${path}"`, advice)
}
