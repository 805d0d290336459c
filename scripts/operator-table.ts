// Runs every operator of our graphs, and whole training steps and searches of tiny models, on a device, compares the
// results with those of the processor, and writes where ONNX Runtime ran each ONNX operator to docs/operators.md.
// Usage: tsx scripts/operator-table.ts [device: webgpu or cuda]
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDevice } from '../src/device.ts'
import type { HostValues, Runtime } from '../src/engine/session.ts'
import { elementCount, floats } from '../src/formats/host-value.ts'
import { add, input, type Tensor, vjp } from '../src/graph/index.ts'
import { nodeRuntime, runtimeOn } from '../src/hosts/node/runtime.ts'
import type { BasicModelName } from '../src/models/basic-models.ts'
import { toOnnx } from '../src/onnx/export.ts'
import { search } from '../src/search/index.ts'
import { ModelDecoder } from '../src/search/model-stepper.ts'
import { samples } from '../test/graph/samples.ts'
import { normals } from '../test/support/random.ts'
import { imagesOf, tinyModel, trainTiny, weightsOf } from '../test/train/word-batch.ts'

/** Models whose steps are run whole: together they have all kinds of layers. */
const MODELS: readonly BasicModelName[] = ['VisualAttention', 'UpDown', 'Transformer']
/** The largest difference from the processor that rounding explains, relative to values above 1. */
const TOLERANCE = 1e-3
const OUT = 'docs/operators.md'

const name = process.argv[2] ?? 'webgpu'
const device = parseDevice(name)
if (!device || device.kind === 'cpu') throw new Error('Usage: tsx scripts/operator-table.ts [webgpu or cuda]')
const gpu = runtimeOn(device)
const folder = await mkdtemp(join(tmpdir(), 'mia-operators-'))

/** What a case did: its name, and how far its results were from the processor's; an error if it failed. */
interface Result {
  readonly what: string
  readonly difference: number | string
}

/** Runs a case on both, with a profile of the device's sessions under the name `kind`. */
async function compare(
  kind: string,
  what: string,
  run: (runtime: Runtime) => Promise<readonly Float32Array[]>,
): Promise<Result> {
  const expected = await run(nodeRuntime)
  process.env.MIA_PROFILE = join(folder, kind)
  try {
    const found = await run(gpu)
    const difference = Math.max(
      0,
      ...expected.flatMap((values, i) =>
        Array.from(values, (value, k) => Math.abs(value - found[i]![k]!) / Math.max(1, Math.abs(value))),
      ),
    )
    console.log(`${what}: differs by ${difference.toExponential(1)}`)
    return { what, difference }
  } catch (error) {
    console.log(`${what}: ${(error as Error).message}`)
    return { what, difference: (error as Error).message.split('\n')[0]! }
  } finally {
    delete process.env.MIA_PROFILE
  }
}

/** An operator and its gradient. */
const operator = (sample: (typeof samples)[number], index: number): Promise<Result> => {
  const inputs = sample.shapes.map((shape, i) => input(`x${i}`, shape))
  const result = sample.run(...inputs)
  const outputs: readonly Tensor[] = Array.isArray(result) ? result : [result as Tensor]
  const seeds = outputs.map((y, i) => input(`v${i}`, y.shape))
  const named = [
    ...outputs.map((y, i) => [`y${i}`, y] as const),
    ...vjp(outputs, seeds, inputs).map((g, i) => [`g${i}`, g] as const),
  ]
  const random = normals(index + 1)
  const value = (shape: readonly unknown[]) =>
    floats(shape as number[], Float32Array.from(random(elementCount(shape as number[]))))
  const feeds = Object.fromEntries([
    ...inputs.map((x, i) => [`x${i}`, value(x.shape)]),
    ...seeds.map((v, i) => [`v${i}`, value(v.shape)]),
  ])
  const model = toOnnx(Object.fromEntries(named))
  return compare('operator', `${sample.op} (${index})`, async (runtime) => {
    const session = await runtime.load(model)
    const found: HostValues = await session.run(feeds)
    session.release()
    return named.map(([key]) => Float32Array.from(found[key]!.data as Float32Array))
  })
}

/** Two training steps: their losses and norms of gradients. */
const step = (basicModel: BasicModelName): Promise<Result> =>
  compare('training', `two training steps of ${basicModel} with MIA`, async (runtime) => {
    const { results, state, session } = await trainTiny(runtime, tinyModel(basicModel, true), 2)
    state.release()
    session.release()
    return [Float32Array.from(results.flatMap(({ loss, gradientNorm }) => [loss, gradientNorm]))]
  })

/** A search with a beam of 2: words and their log-probabilities. */
const decode = (basicModel: BasicModelName): Promise<Result> => {
  const model = tinyModel(basicModel, true)
  const images = imagesOf()
  return compare('decoding', `a search of ${basicModel} with MIA`, async (runtime) => {
    const weights = new Map(Object.entries(weightsOf(model)))
    const decoder = await ModelDecoder.load(runtime, model, weights)
    const stepper = await decoder.encode(images.features!.data as Uint16Array, images.concepts!.data as Int32Array)
    const found = (await search(stepper, 5, { beam: 2, maxLength: 4 })).flat()
    stepper.release()
    await decoder.release()
    return found.map(({ words, logProb }) => Float32Array.of(...words, logProb))
  })
}

/** An event of ONNX Runtime's profiles. */
interface Event {
  readonly cat?: string
  readonly name?: string
  readonly args?: { readonly op_name: string; readonly provider: string }
}

/** How often each ONNX operator ran on each provider, by the profiles of a kind. */
async function placements(kind: string): Promise<Map<string, Map<string, number>>> {
  const counts = new Map<string, Map<string, number>>()
  for (const file of await readdir(folder)) {
    if (!file.startsWith(kind)) continue
    const text = await readFile(join(folder, file), 'utf8')
    if (!text.trimEnd().endsWith(']')) continue // of the sessions that copy values to the host, which never end
    const events = JSON.parse(text) as Event[]
    for (const { cat, name: event, args } of events) {
      if (cat !== 'Node' || !args || !event?.endsWith('_kernel_time')) continue
      const of = counts.get(args.op_name) ?? new Map<string, number>()
      counts.set(args.op_name, of)
      of.set(args.provider, (of.get(args.provider) ?? 0) + 1)
    }
  }
  return counts
}

const results: Result[] = []
for (const [i, sample] of samples.entries()) results.push(await operator(sample, i))
for (const model of MODELS) results.push(await step(model), await decode(model))
// what is released is so in turn: after this the profiles are written
await gpu.load(toOnnx({ y: add(input('x', [1]), 1) }))

const kinds = ['operator', 'training', 'decoding'] as const
const counts = await Promise.all(kinds.map(placements))
await rm(folder, { recursive: true })
const operators = [...new Set(counts.flatMap((each) => [...each.keys()]))].sort()
/** Where an operator ran, in a cell of the table. */
const cell = (of: Map<string, number> | undefined): string => {
  if (!of) return '-'
  const onCpu = of.get('CPUExecutionProvider') ?? 0
  const all = [...of.values()].reduce((sum, each) => sum + each, 0)
  if (onCpu === 0) return 'device'
  return onCpu === all ? 'CPU' : `CPU ${onCpu} of ${all}`
}
const failed = results.filter(({ difference }) => typeof difference === 'string' || !(difference < TOLERANCE))
const worst = Math.max(...results.flatMap(({ difference }) => (typeof difference === 'number' ? [difference] : [])))
await writeFile(
  OUT,
  `# Operators on devices

Written by \`npx tsx scripts/operator-table.ts ${name}\`: where ONNX Runtime's provider for ${name} ran each ONNX operator
of ${samples.length} cases of our graph's operators (value and gradient), and of training steps and searches of tiny models
(${MODELS.join(', ')}, each with MIA). "CPU" means that the provider lacks the operator for that type, that ONNX
Runtime computes shapes on the processor, or that the operator belongs to the host part, which we compute there (src/engine/host-part.ts); MemcpyToHost and MemcpyFromHost are the copies that this costs.

${results.length - failed.length} of ${results.length} cases equal the processor within ${TOLERANCE} (largest difference ${worst.toExponential(1)}).
${failed.map(({ what, difference }) => `\n- ${what}: ${typeof difference === 'number' ? `differs by ${difference.toExponential(1)}` : difference}`).join('')}
| ONNX operator | alone | in training steps | in searches |
| --- | --- | --- | --- |
${operators.map((each) => `| ${each} | ${counts.map((of) => cell(of.get(each))).join(' | ')} |`).join('\n')}
`,
)
console.log(`${OUT}: ${operators.length} operators, ${failed.length} of ${results.length} cases fail`)
