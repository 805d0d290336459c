import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import type { Weight } from '../../src/caption/weights.ts'
import { writeDetector } from '../../src/disk/concept-files.ts'
import { runFiles, writeRunConfig } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { sourceOf } from '../../src/vision/feature-source.ts'
import { openNetwork } from '../../src/vision/open.ts'
import { normals } from './random.ts'
import { smallConfig } from './small-run.ts'

const RESNET = fileURLToPath(new URL('../fixtures/networks/resnet.onnx', import.meta.url))
const WORDS = 'a the red green dog child ball beach runs sits on with near two'.split(' ')

const random = (parameters: ReadonlyMap<string, Parameter>, seed: number, scale: number): Map<string, Weight> => {
  const normal = normals(seed)
  return new Map(
    [...parameters].map(([name, { shape }]) => {
      const data = Float32Array.from(normal(shape.reduce((a, b) => a * b, 1)), (x) => scale * x)
      return [name, { dtype: 'F32', shape, data }]
    }),
  )
}

/**
 * Writes a run of VisualAttention, with MIA unless `mia` is false, into a folder: a tiny ResNet, a concept detector and
 * a captioner with random weights, `scale` times normal deviates.
 */
export async function writeTinyRun(
  folder: string,
  { mia = true, hiddenSize = 8, dropout = 0.5, scale = 1.5 } = {},
): Promise<void> {
  const network = join(folder, 'network.onnx')
  await copyFile(RESNET, network)
  const opened = await openNetwork(nodeEngine, network)
  const features = sourceOf(opened)
  opened.release()
  const vocabulary = Vocabulary.build([WORDS], { minCount: 1 })
  const { regions, size: featureSize } = features
  const small = smallConfig()
  const config: RunConfig = {
    ...small,
    features,
    model: {
      ...small.model,
      mia,
      hiddenSize,
      dropout,
      miaDropout: dropout,
      concepts: 5,
      regions,
      featureSize,
      vocabularySize: vocabulary.size,
    },
  }
  await writeRunConfig(folder, config)
  const files = runFiles(folder)
  await writeFile(files.vocabulary, JSON.stringify(vocabulary))
  await writeSafetensors(files.weights, random(createCaptioner(config.model).parameters, 1, scale))
  const words = WORDS.slice(2, 10)
  const weights = random(detectorFor(words.length, features).parameters, 2, scale)
  await writeDetector(files.concepts, {
    info: { words, features, meanAveragePrecision: 0, averagePrecision: {} },
    weights,
  })
}
