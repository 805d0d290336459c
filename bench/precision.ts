// What int8 costs: captions the validation images of a prepared dataset by a run in float32 and in int8, and prints the
// scores, how many captions are the same, and the seconds: tsx bench/precision.ts <run> <data>.
import { captionSplit } from '../src/evaluation/test-run.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { evaluate } from '../src/metrics/index.ts'

const [run, data] = process.argv.slice(2)
if (run === undefined || data === undefined) throw new Error('usage: tsx bench/precision.ts <run> <data>')

const caption = async (precision: 'float32' | 'int8') => {
  const start = performance.now()
  const { images, captions } = await captionSplit({ engine: nodeEngine, run, data, split: 'val', precision })
  return { images, captions, seconds: (performance.now() - start) / 1000 }
}
const float = await caption('float32')
const int8 = await caption('int8')
const resultsOf = ({ captions }: typeof float) => captions.map(({ id, caption }) => ({ image_id: id, caption }))
const { scores } = await evaluate({
  references: Object.fromEntries(float.images.map(({ id, captions }) => [id, captions])),
  results: resultsOf(float),
  compare: resultsOf(int8),
  metrics: ['bleu', 'meteor', 'rouge', 'cider'],
  emptyAsZero: true,
})
const same = float.captions.filter(({ caption }, i) => caption === int8.captions[i]!.caption).length
for (const { name, score, comparison } of scores)
  console.log(
    `${name} ${score.toFixed(4)} in float32, ${comparison!.other.toFixed(4)} in int8, p ${comparison!.p.toFixed(3)}`,
  )
console.log(
  `${same} of ${float.captions.length} captions are the same (${((100 * same) / float.captions.length).toFixed(1)}%)`,
)
console.log(`${float.seconds.toFixed(1)} s in float32, ${int8.seconds.toFixed(1)} s in int8, start included`)
