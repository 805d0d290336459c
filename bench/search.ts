// Ways to search compared: scores, repetition, diversity and time on images of a split. Several runs caption together.
// Usage: tsx bench/search.ts <run>... <data> [--split val] [--dataset name] [--images 200] [--only text]

import { parseArgs } from 'node:util'
import { captionAll } from '../src/caption/caption-all.ts'
import { makeEnsemble } from '../src/caption/ensemble.ts'
import type { SearchChoices } from '../src/caption/search-settings.ts'
import { Dataset, type Split } from '../src/data/dataset.ts'
import { conceptsFile, featuresFolder } from '../src/disk/dataset-files.ts'
import { FeatureStore } from '../src/disk/feature-store.ts'
import { openRun } from '../src/disk/run.ts'
import { storedInputs } from '../src/disk/stored-inputs.ts'
import { scoreCaptions, scoreSeveral } from '../src/evaluation/score.ts'
import { nodeRuntime } from '../src/hosts/node/runtime.ts'
import { bleu, cider, meteor, WordNet } from '../src/metrics/index.ts'
import { PHOTO_SEARCH } from '../src/search/defaults.ts'
import { ModelDecoder } from '../src/search/model-stepper.ts'
import { contentClasses } from '../src/search/word-lists.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    split: { type: 'string', default: 'val' },
    dataset: { type: 'string' },
    images: { type: 'string', default: '200' },
    only: { type: 'string', default: '' }, // a part of the names of the searches to run
  },
})
const folders = positionals.slice(0, -1)
const data = positionals.at(-1)!

const VARIANTS: Readonly<Record<string, SearchChoices>> = {
  greedy: { beam: 1 },
  'beam 3': {},
  'beam 5': { beam: 5 },
  'beam 3, no n-gram of 3 twice': { blockNgrams: 3 },
  'beam 3, no content word twice': { blockRepeatedWords: true },
  'beam 3, no bad endings': { blockBadEndings: true },
  'beam 3, all three': { blockNgrams: 3, blockRepeatedWords: true, blockBadEndings: true },
  'beam 3, at least 8 words': { minLength: 8 },
  'beam 3, wu_0.7': { lengthPenalty: 'wu_0.7' },
  'beam 3, wu_1.5': { lengthPenalty: 'wu_1.5' },
  'beam 3, average': { lengthPenalty: 'average' },
  'beam 3, no content word twice, at least 9 words': { blockRepeatedWords: true, minLength: 9 },
  'beam 3, no content word twice, wu_0.7': { blockRepeatedWords: true, lengthPenalty: 'wu_0.7' },
  'beam 3, no content word twice, average': { blockRepeatedWords: true, lengthPenalty: 'average' },
  'beam 5, no content word twice, average': { beam: 5, blockRepeatedWords: true, lengthPenalty: 'average' },
  'concepts 0.2, beam 3': { ...PHOTO_SEARCH, beam: 3 },
  'concepts 0.2, beam 5': { ...PHOTO_SEARCH, beam: 5 },
  'concepts 0.1, beam 10': { ...PHOTO_SEARCH, conceptWeight: 0.1 },
  'concepts 0.2, beam 10': PHOTO_SEARCH,
  'concepts 0.3, beam 10': { ...PHOTO_SEARCH, conceptWeight: 0.3 },
  'concepts 0.2, beam 20': { ...PHOTO_SEARCH, beam: 20 },
  'concepts 0.2, beam 10, published otherwise': { conceptWeight: 0.2 },
  'beam 5, 5 captions': { beam: 5, captions: 5 },
  'diverse, 5 groups of 1, strength 0.5': { groups: 5, captions: 5, diversity: 0.5 },
  'diverse, 5 groups of 1, strength 2': { groups: 5, captions: 5, diversity: 2 },
  'diverse, 5 groups of 2, strength 0.5': { beam: 10, groups: 5, captions: 5, diversity: 0.5 },
  'sampled, 5 captions': { sample: true, captions: 5 },
  'sampled, 5 captions, temperature 0.5': { sample: true, captions: 5, temperature: 0.5 },
  'sampled, 5 captions, temperature 0.75': { sample: true, captions: 5, temperature: 0.75 },
  'sampled, 5 captions, top-k 10': { sample: true, captions: 5, topK: 10 },
  'sampled, 5 captions, top-p 0.9': { sample: true, captions: 5, topP: 0.9 },
  'required: a colour': { require: [['red', 'blue', 'green', 'black', 'white', 'brown', 'yellow']] },
}

const { lead: run, model, weights } = makeEnsemble(await Promise.all(folders.map((folder) => openRun(folder))))
const store = await FeatureStore.open(featuresFolder(data))
const concepts = run.detector && {
  path: conceptsFile(data),
  vocabulary: run.vocabulary,
  model: run.config.model,
  run: { name: run.name, detector: run.detector },
}
const inputs = await storedInputs(store, concepts)
const images = (await Dataset.open(data))
  .split(values.split as Split)
  .filter(({ id, dataset }) => inputs.has(id) && (values.dataset === undefined || dataset === values.dataset))
  .slice(0, Number(values.images))
const ids = images.map(({ id }) => id)
const decoder = await ModelDecoder.load(nodeRuntime, model, weights)
const metrics = [cider, bleu, meteor(await WordNet.load())]
const classOf = new Map(contentClasses(run.vocabulary).flatMap((words, i) => words.map((word) => [word, i] as const)))

/** Whether a caption has a content word twice, or a word and its plural. */
function repeats(words: readonly number[]): boolean {
  const classes = words.flatMap((word) => classOf.get(word) ?? [])
  return new Set(classes).size < classes.length
}

console.log(
  `${images.length} images of ${values.split}; CIDEr, BLEU-4, METEOR, captions that repeat, words, best of n, selfCIDEr, s`,
)
for (const [name, search] of Object.entries(VARIANTS).filter(([name]) => name.includes(values.only))) {
  const caption = () => captionAll(decoder, inputs, ids, { vocabulary: run.vocabulary, search })
  await captionAll(decoder, inputs, ids.slice(0, 2), { vocabulary: run.vocabulary, search }) // compiles its graph
  const start = performance.now()
  const captions = await caption()
  const seconds = (performance.now() - start) / 1000
  const { corpus } = scoreCaptions(images, captions, metrics)
  const several: Record<string, number> = (search.captions ?? 1) > 1 ? scoreSeveral(images, captions) : {}
  const numbers = [
    corpus.CIDEr!.toFixed(3),
    corpus.Bleu_4!.toFixed(3),
    corpus.METEOR!.toFixed(3),
    `${((100 * captions.filter(({ words }) => repeats(words)).length) / captions.length).toFixed(1)}%`,
    (captions.reduce((sum, { words }) => sum + words.length, 0) / captions.length).toFixed(1),
    several['CIDEr best of n']?.toFixed(3) ?? '-',
    several.selfCIDEr?.toFixed(3) ?? '-',
    seconds.toFixed(2),
  ]
  console.log(`| ${name} | ${numbers.join(' | ')} |`)
}
await decoder.release()
await store.close()
