import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { published } from '../models/config.ts'
import { type BasicModelName, basicModels } from '../models/lstm/basic-models.ts'
import { Captioner } from '../models/lstm/captioner.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { validate } from '../validate.ts'
import { featureSourceSchema } from '../vision/index.ts'
import { readDetector, type StoredDetector } from './concept-files.ts'
import { readJson, writeFileAtomic } from './files.ts'
import { readWeights } from './weights.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const positive = v.pipe(v.number(), v.integer(), v.minValue(1))
const rate = v.pipe(v.number(), v.minValue(0))
const schema = v.object({
  format: v.literal('mia-run/1'),
  model: v.object({
    basicModel: v.picklist(Object.keys(basicModels) as BasicModelName[]),
    mia: v.boolean(),
    miaAttention: v.optional(v.picklist(['mutual', 'self']), published.miaAttention),
    miaForm: v.optional(v.picklist(['code', 'figure']), published.miaForm),
    iterations: positive,
    regions: positive,
    paddedRegions: v.optional(v.boolean(), false),
    concepts: positive,
    featureSize: positive,
    vocabularySize: positive,
    dModel: positive,
    numHeads: positive,
    dInner: positive,
    attentionSize: positive,
    dropout: rate,
    miaDropout: rate,
  }),
  training: v.object({
    seed: count,
    epochs: positive,
    imagesPerBatch: positive,
    captionsPerImage: positive,
    /** how many further views of its pictures it trains on, beside the pictures themselves */
    views: v.optional(count, 0),
    learningRate: rate,
    decayStart: count,
    halving: positive,
    labelSmoothing: rate,
    /** what a step leaves of the moving average of the weights, which is what is validated and kept; 0: the weights themselves are */
    averageDecay: v.optional(rate, 0),
    clipping: v.variant('kind', [
      v.object({ kind: v.literal('none') }),
      v.object({ kind: v.picklist(['value', 'norm', 'weight-clamp']), limit: rate }),
    ]),
    adam: v.object({ beta1: rate, beta2: rate, epsilon: rate }),
    beam: positive,
    maxLength: positive,
  }),
  /** the dataset it was trained on, and where that was */
  data: v.object({ name: v.string(), folder: v.string() }),
  features: featureSourceSchema,
})

/** Everything that decides what a run computes; `config.json` in its folder. */
export type RunConfig = Omit<v.InferOutput<typeof schema>, 'format'>

/** The files of a run's folder. */
export const runFiles = (folder: string) => ({
  config: join(folder, 'config.json'),
  vocabulary: join(folder, 'vocabulary.json'),
  /** the weights with the best CIDEr on the validation images */
  weights: join(folder, 'weights.safetensors'),
  /** where a stopped run goes on */
  checkpoint: join(folder, 'checkpoint.safetensors'),
  concepts: join(folder, 'concepts'),
  log: join(folder, 'log.jsonl'),
  samples: join(folder, 'samples'),
  lock: join(folder, 'lock.json'),
})

const advice = 'it should be as "mia train" wrote it'

export async function readRunConfig(folder: string): Promise<RunConfig> {
  const path = runFiles(folder).config
  const { format: _, ...config } = validate(schema, await readJson(path, 'run'), path, advice)
  return config
}

export const writeRunConfig = (folder: string, config: RunConfig): Promise<void> =>
  writeFileAtomic(runFiles(folder).config, `${JSON.stringify({ format: 'mia-run/1', ...config }, null, 2)}\n`)

/** A trained captioner as it is in its run's folder. */
export interface Run {
  readonly folder: string
  readonly config: RunConfig
  readonly vocabulary: Vocabulary
  readonly model: Captioner
  readonly weights: ReadonlyMap<string, TensorData>
  /** the detector of its concepts, for the models that use them */
  readonly detector: StoredDetector | undefined
}

/** Opens a run's folder. Throws UserError where a part is missing or does not fit the others. */
export async function openRun(folder: string): Promise<Run> {
  const files = runFiles(folder)
  const config = await readRunConfig(folder)
  const vocabulary = Vocabulary.fromJSON(await readJson(files.vocabulary, 'vocabulary'), files.vocabulary)
  if (vocabulary.size !== config.model.vocabularySize)
    throw new UserError(
      `Cannot read run "${folder}": its vocabulary has ${vocabulary.size} words, its model ${config.model.vocabularySize}; ${advice}`,
    )
  const model = new Captioner(config.model)
  const weights = await readWeights(files.weights, 'weights')
  for (const { name, shape } of model.parameters.values())
    if (weights.get(name)?.shape.join() !== shape.join())
      throw new UserError(
        `Cannot read weights "${files.weights}": "${name}" is ${weights.get(name)?.shape.join('x') ?? 'missing'}, not ${shape.join('x')}; ${advice}`,
      )
  const detector = usesConcepts(config.model) ? await readDetector(files.concepts) : undefined
  return { folder, config, vocabulary, model, weights, detector }
}

/** Does a model look at concepts at all? */
export function usesConcepts({ basicModel, mia }: Pick<RunConfig['model'], 'basicModel' | 'mia'>): boolean {
  return mia || Object.values(basicModels[basicModel]).includes('textual' as never)
}
