import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ImageReader } from '../../src/caption/photo-reader.ts'
import { openRun, runFiles } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { ints } from '../../src/formats/host-value.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { imageValues } from '../../src/models/inputs.ts'
import { Random } from '../../src/random.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { packCaptions } from '../../src/train/pack-captions.ts'
import { TrainingState } from '../../src/train/state.ts'
import { trainingStep } from '../../src/train/step.ts'
import { writeTinyRun } from './tiny-run.ts'

const PHOTOGRAPHS = fileURLToPath(new URL('../../../shared/data/coco-mini/train2017/', import.meta.url))

/** The paths of `count` photographs of COCO; none where the data are not at hand. */
export async function photographs(count: number): Promise<string[]> {
  const names = await readdir(PHOTOGRAPHS).catch(() => [])
  const found = names.filter((name) => name.endsWith('.jpg')).sort()
  return found.slice(0, count).map((name) => join(PHOTOGRAPHS, name))
}

const STEPS = 200
const WORDS_PER_CAPTION = 5

/**
 * Writes a tiny run that has overfitted a caption of its own for each image, of five different words drawn at random:
 * unlike one with random weights, it prefers its caption to others by far. Returns the loss of the last step.
 */
export async function writeMemorisedRun(folder: string, images: readonly string[]): Promise<number> {
  await writeTinyRun(folder, { hiddenSize: 32, dropout: 0, scale: 0.03 })
  const cnn = join(folder, 'network.onnx')
  const { model, config, vocabulary, ...captioner } = await openRun(folder)
  const reader = await ImageReader.open(nodeEngine, { model, config, vocabulary, ...captioner }, { cnn })
  const { regions, size } = config.features
  const features = new Uint16Array(images.length * regions * size)
  const concepts = new Int32Array(images.length * config.model.concepts)
  for await (const batch of reader.read(images)) {
    features.set(batch.features, batch.images[0]!.index * regions * size)
    concepts.set(batch.concepts, batch.images[0]!.index * config.model.concepts)
  }
  reader.release()

  const random = new Random(5)
  const words = vocabulary.encode(vocabulary.words.slice(4)) // the first four are special
  const captions = images.map(() => random.shuffle([...words]).slice(0, WORDS_PER_CAPTION))
  const steps = WORDS_PER_CAPTION + 1
  const { inputs, targets, positions } = packCaptions(captions, steps, 1)
  const batch = {
    ...imageValues(config.model, features, concepts),
    words: ints(inputs, [steps, images.length]),
    targets: ints(targets),
    positions: ints(positions),
  }
  const session = await nodeRuntime.load(
    trainingStep(model, {
      captions: 1,
      steps,
      objective: crossEntropy(0),
      adam: PUBLISHED_ADAM,
      clipping: { kind: 'norm', limit: 1 },
    }),
  )
  const state = TrainingState.start([...model.parameters.values()], 1)
  let loss = Number.NaN
  for (let step = 1; step <= STEPS; step++)
    ({ loss } = await state.step(session, batch, { step, seed: 1, learningRate: 5e-3, adam: PUBLISHED_ADAM }))
  session.release()
  await writeSafetensors(runFiles(folder).weights, state.weights)
  return loss
}
