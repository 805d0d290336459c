/*
 * How well features tell concepts: logistic regression from the mean of a picture's regions to each of the 400 most
 * frequent content words of the training captions, and the mean average precision on the validation pictures. Features
 * of equal worth differ by less than .005.
 * Usage: npx tsx scripts/probe-features.ts data/flickr8k [folder of features, by default data/flickr8k/features]
 */
import { frequentConcepts } from '../src/data/concept-words.ts'
import { Dataset, type ImageEntry } from '../src/data/dataset.ts'
import { featuresFolder } from '../src/disk/dataset-files.ts'
import { FeatureStore } from '../src/disk/feature-store.ts'
import { CompiledGraph } from '../src/engine/compiled.ts'
import { floatData } from '../src/engine/session.ts'
import { UserError } from '../src/errors.ts'
import { fromFloat16 } from '../src/formats/float16.ts'
import { floats } from '../src/formats/host-value.ts'
import { add, count, div, input, matmul, mul, softplus, sub, sum } from '../src/graph/index.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { normal, zeros } from '../src/nn/init.ts'
import { Scope } from '../src/nn/scope.ts'
import { toOnnx } from '../src/onnx/export.ts'
import { Random } from '../src/random.ts'
import { averagePrecision } from '../src/train/average-precision.ts'
import { TrainingState } from '../src/train/state.ts'
import { updates } from '../src/train/update.ts'

const WORDS = 400
const BATCH = 100
const EPOCHS = 20
const LEARNING_RATE = 3e-4
/** Weight of the squared weights, chosen on the last sixth of the training pictures. */
const DECAYS = [1e-4, 1e-3, 1e-2]
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** Means of pictures' regions, and their words. */
interface Table {
  readonly x: Float32Array
  readonly y: Float32Array
  readonly rows: number
}

const [data, folder] = process.argv.slice(2)
if (data === undefined) throw new UserError('Give a prepared dataset: npx tsx scripts/probe-features.ts data/flickr8k')
const dataset = await Dataset.open(data)
const store = await FeatureStore.open(folder ?? featuresFolder(data))
const { size } = store
const words = frequentConcepts(dataset.split('train'), dataset.vocabulary, { maxWords: WORDS })
const train = await tableOf(dataset.split('train'))
const val = await tableOf(dataset.split('val'))
await store.close()
standardise(train, val)

const kept = Math.floor((train.rows * 5) / 6)
const [fit, held] = [part(train, 0, kept), part(train, kept, train.rows)]
const scores = []
for (const decay of DECAYS) scores.push(await precisionOf(fit, held, decay))
const decay = DECAYS[scores.indexOf(Math.max(...scores))]!
const score = await precisionOf(train, val, decay)
process.stdout.write(
  `mAP ${score.toFixed(4)} of ${words.length} words on ${val.rows} pictures; ${train.rows} training pictures, ` +
    `${size} numbers, decay ${decay}\n`,
)

async function tableOf(images: readonly ImageEntry[]): Promise<Table> {
  const known = images.filter(({ id }) => store.has(id))
  const [x, y] = [new Float32Array(known.length * size), new Float32Array(known.length * words.length)]
  for (const [row, { id, tokens }] of known.entries()) {
    const regions = fromFloat16(await store.read([id]))
    for (let i = 0; i < regions.length; i++) x[row * size + (i % size)]! += regions[i]! / store.regions
    const said = new Set(tokens.flatMap((caption) => caption.split(' ')))
    for (const [j, word] of words.entries()) if (said.has(word)) y[row * words.length + j] = 1
  }
  return { x, y, rows: known.length }
}

/** Mean 0 and standard deviation 1 of each number over the training pictures. */
function standardise(measured: Table, ...others: readonly Table[]): void {
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)]
  for (let i = 0; i < measured.x.length; i++) {
    sums[i % size]! += measured.x[i]!
    squares[i % size]! += measured.x[i]! ** 2
  }
  const means = sums.map((total) => total / measured.rows)
  const scales = squares.map((square, i) => 1 / Math.sqrt(Math.max(1e-8, square / measured.rows - means[i]! ** 2)))
  for (const { x } of [measured, ...others])
    for (let i = 0; i < x.length; i++) x[i] = (x[i]! - means[i % size]!) * scales[i % size]!
}

function part({ x, y }: Table, from: number, to: number): Table {
  const rows = to - from
  return { x: x.subarray(from * size, to * size), y: y.subarray(from * words.length, to * words.length), rows }
}

/** Trains on one table and returns the mean average precision on another. */
async function precisionOf(fitted: Table, tested: Table, weightDecay: number): Promise<number> {
  const scope = new Scope()
  const weight = scope.parameter('weight', [words.length, size], normal(1e-3))
  const bias = scope.parameter('bias', [words.length], zeros)
  const logits = add(matmul(input('x', ['B', size]), weight, { transB: true }), bias)
  // binary cross-entropy: softplus(z) - y z
  const perWord = sub(softplus(logits), mul(input('y', ['B', words.length]), logits))
  const loss = add(div(sum(perWord), count(perWord, [0])), mul(sum(mul(weight, weight)), weightDecay))
  const parameters = [...scope.parameters.values()]
  const session = await nodeEngine.runtime.load(
    toOnnx(updates(parameters, loss, { adam: ADAM, clipping: { kind: 'none' } })),
  )
  const state = TrainingState.start(parameters, 1)
  const order = Array.from({ length: fitted.rows }, (_, i) => i)
  let step = 0
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    new Random(1, epoch).shuffle(order)
    for (let first = 0; first + BATCH <= order.length; first += BATCH) {
      const rows = order.slice(first, first + BATCH)
      const gathered = (matrix: Float32Array, width: number) => {
        const batch = new Float32Array(rows.length * width)
        for (const [i, row] of rows.entries()) batch.set(matrix.subarray(row * width, (row + 1) * width), i * width)
        return floats([rows.length, width], batch)
      }
      const batch = { x: gathered(fitted.x, size), y: gathered(fitted.y, words.length) }
      const learningRate = (LEARNING_RATE * (1 + Math.cos((Math.PI * epoch) / EPOCHS))) / 2
      await state.step(session, batch, { step: ++step, seed: 1, learningRate, adam: ADAM })
    }
  }
  session.release()
  const graph = await CompiledGraph.load(nodeEngine.runtime, { logits }, state.weights)
  const predicted = floatData((await graph.run({ x: floats([tested.rows, size], tested.x) })).logits)
  graph.release()
  const column = (matrix: Float32Array, word: number) =>
    Array.from({ length: tested.rows }, (_, row) => matrix[row * words.length + word]!)
  const precisions = words.flatMap((_, word) => averagePrecision(column(predicted, word), column(tested.y, word)) ?? [])
  return precisions.reduce((a, b) => a + b, 0) / precisions.length
}
