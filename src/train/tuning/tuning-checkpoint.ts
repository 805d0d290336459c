import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint } from '../../disk/checkpoint.ts'
import { readText, writeFileAtomic } from '../../disk/files.ts'
import { describeSource, sourceOf } from '../../vision/feature-source.ts'
import type { Network } from '../../vision/networks/network.ts'
import type { TrainableNetwork } from '../../vision/networks/trainable.ts'
import type { InitialWeights } from '../initial-weights.ts'
import type { TuningConfig } from './tuning-model.ts'
import type { TuningOptions } from './tuning-options.ts'
import { picturesDigest, type TuningPictures } from './tuning-pictures.ts'

/** Everything that the weights of a tuning depend on. */
export interface TuningRecipe {
  readonly options: TuningOptions
  readonly config: TuningConfig
  readonly network: TrainableNetwork
  readonly teacher: Network | undefined
  readonly pictures: TuningPictures
  /** the weights that the captioner begins with */
  readonly from: InitialWeights | undefined
  /** the decay of the moving average of the weights, 0 without one */
  readonly emaDecay: number
}

/**
 * The path of a tuning's checkpoint. `tuning.json` beside it says which training it belongs to; the checkpoint of
 * another one is deleted, and so is one with more epochs than are asked for.
 */
export async function tuningCheckpoint({
  options: { out, epochs, newLayersFirst, learningRate, newLearningRate, batchSize, seed, storedViews },
  config,
  network: { name, sha256, layer, input },
  teacher,
  pictures: { train, val, words },
  from,
  emaDecay,
}: TuningRecipe): Promise<string> {
  const [file, checkpoint] = [join(out, 'tuning.json'), join(out, 'checkpoint.safetensors')]
  const recipe = {
    format: 'mia-tuning/1',
    network: { file: name, sha256, layer, ...input },
    ...(teacher && { teacher: describeSource(sourceOf(teacher)) }),
    ...(from && { from }),
    ...(emaDecay > 0 && { emaDecay }),
    ...config,
    ...{ epochs, newLayersFirst, learningRate, newLearningRate, batchSize, seed, storedViews },
    pictures: { train: picturesDigest(train), val: picturesDigest(val) },
    words,
  }
  const text = `${JSON.stringify(recipe, null, 2)}\n`
  const same = existsSync(file) && (await readText(file, 'tuning')) === text
  if (same && existsSync(checkpoint) && (await readCheckpoint(checkpoint)).epoch <= epochs) return checkpoint
  await rm(checkpoint, { force: true })
  await writeFileAtomic(file, text)
  return checkpoint
}
