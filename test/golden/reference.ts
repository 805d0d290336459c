import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { parseSafetensors } from '../../src/formats/safetensors.ts'
import { LstmCaptioner } from '../../src/models/lstm/captioner.ts'
import type { LstmModelName } from '../../src/models/lstm/lstm-models.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { packCaptions } from '../../src/train/pack-captions.ts'
import { publishedName } from './published-names.ts'

const committed = fileURLToPath(new URL('reference', import.meta.url))
const further =
  process.env.MIA_GOLDEN_REFERENCE ?? fileURLToPath(new URL('../../../shared/golden/reference', import.meta.url))

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.safetensors'))
        .map((name) => join(folder, name))
    : []

if (process.env.MIA_GOLDEN_REFERENCE !== undefined && filesIn(further).length === 0)
  throw new Error(`MIA_GOLDEN_REFERENCE is "${further}", which has no .safetensors files`)

/**
 * Files of golden values, one for each captioner: those in the folder `reference` beside this file, and those of
 * MIA_GOLDEN_REFERENCE or ../shared/golden/reference. Files with the same content are listed once.
 */
export const referenceFiles: readonly string[] = [
  ...new Map([...filesIn(further), ...filesIn(committed)].map((file) => [readFileSync(file, 'latin1'), file])).values(),
]

/** One file of golden values, and our model with the same configuration and weights. */
export function openReference(file: string) {
  const { tensors, metadata } = parseSafetensors(readFileSync(file), file)
  const entry = (name: string) => {
    const found = tensors.get(name)
    if (!found) throw new Error(`${file} has no ${name}`)
    return found
  }
  const numbers = (name: string): Float32Array => entry(name).data as Float32Array
  const whole = (name: string): Int32Array => Int32Array.from(entry(name).data as BigInt64Array, Number)
  const [images, regions, featureSize] = entry('in.features').shape as [number, number, number]
  const attentionSize = tensors.get('param.decoder.attention.affine_x.weight')?.shape[0]
  const model = new LstmCaptioner({
    basicModel: metadata.basic_model as LstmModelName,
    mia: metadata.mia === 'True',
    iterations: Number(metadata.iterations),
    miaAttention: 'mutual',
    miaForm: 'code',
    conceptConfidences: false,
    regions,
    paddedRegions: false,
    concepts: entry('in.concepts').shape[1]!,
    featureSize,
    vocabularySize: Number(metadata.vocab),
    hiddenSize: Number(metadata.d_model),
    numHeads: Number(metadata.n_head),
    innerSize: Number(metadata.d_inner),
    attentionSize: attentionSize ?? 49,
    dropout: 0,
    miaDropout: 0,
  })
  const weights: Record<string, HostValue> = {}
  for (const { name, shape } of model.parameters.values())
    weights[name] = floats(shape, numbers(`param.${publishedName(name)}`))
  const [rows, width] = entry('in.captions').shape as [number, number]
  const ids = whole('in.captions')
  const lengths = whole('in.lengths')
  const captions = Array.from({ length: rows }, (_, n) => ids.subarray(n * width + 1, n * width + lengths[n]!))
  const steps = Math.max(...lengths)
  const packed = packCaptions(captions, steps, 1)
  const batch: Record<string, HostValue> = {
    features: floats([images, regions, featureSize], numbers('in.features')),
    concepts: ints(whole('in.concepts'), [images, model.config.concepts]),
    words: ints(packed.inputs, [steps, rows]),
    targets: ints(packed.targets),
    positions: ints(packed.positions),
  }
  const has = (name: string) => tensors.has(name)
  const shape = {
    captions: 1,
    steps,
    featureType: 'float32',
    objective: crossEntropy(Number(metadata.label_smoothing)),
  } as const
  return { metadata, model, weights, images, numbers, whole, has, batch, shape }
}
