// All texts of the page.

/** A fraction as a percentage, as in "34%" or "3.4%"; a positive one never reads as "0.0%". */
export function percent(fraction: number): string {
  const value = 100 * fraction
  return value > 0 && value < 0.1 ? '<0.1%' : `${value.toFixed(value < 9.95 ? 1 : 0)}%`
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** The texts by what they are for. */
export const TEXTS = {
  title: 'A caption, and what it is based on',
  lead: 'Give a photograph: the page describes it in a sentence and shows the regions that each word comes from, and the concepts found there.',
  privacy: 'No photograph leaves this device: everything is computed in this page.',
  drop: 'Drop a picture here, paste one, or',
  choose: 'Choose a picture',
  photograph: 'Take a photograph',
  examples: 'Examples',
  example: (name: string) => `Example: ${name}`,
  drawn: 'The examples are drawings; the captioner learned from photographs.',
  loading: (done: number, total: number) =>
    total === 0 ? 'Loading the captioner' : `Loading the captioner, once: ${megabytes(done)} of ${megabytes(total)}`,
  starting: 'Starting the captioner',
  captioning: 'Looking at the picture',
  waiting: 'The picture is captioned as soon as the captioner is loaded.',
  engine: (backend: 'webgpu' | 'wasm', threads: number) =>
    backend === 'webgpu'
      ? 'Computed on the GPU (WebGPU).'
      : `Computed on the processor (WebAssembly, ${threads} ${threads === 1 ? 'thread' : 'threads'}).`,
  model: (basicModel: string, mia: boolean, data: string) =>
    `${basicModel}${mia ? ' with MIA' : ''}, trained on ${data}.`,
  retry: 'Try again',
  notAPicture: 'This is not a picture: drop or paste an image file.',
  picture: 'The picture',
  caption: 'Caption',
  empty: '(empty caption)',
  words: 'Words: point at one, or move to it with the Tab key, to see the regions it comes from',
  confidence: (value: number) => `Confidence ${percent(value)}`,
  confidenceNote: (calibrated: boolean) =>
    calibrated
      ? 'The probability that the caption fits the picture, as measured on photographs.'
      : 'The mean probability of its words. Low values mean that the caption is probably wrong.',
  time: (milliseconds: number) =>
    milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`,
  wordProbability: (word: string, probability: number) => `${word}, probability ${percent(probability)}`,
  wordRegions: (word: string, places: string) => `“${word}” looks mostly at: ${places}.`,
  wordConcepts: (word: string) => `Concepts behind “${word}”`,
  noAttention: 'This model does not attend word by word: it gets the picture as a whole.',
  chooseRegion: 'The picture. Arrow keys choose a region, Escape leaves it.',
  regionHint:
    'Point at a region, or move to the picture with the Tab key and press the arrow keys, to see its concepts.',
  regionNumber: (number: number) => `Region ${number}`,
  regionConcepts: 'Concepts of a region',
  before: 'Before MIA',
  after: 'After MIA',
  alignment: 'Before MIA and after it, side by side',
  alignmentLead:
    'In mutual iterative attention, regions and concepts attend to each other. Bright are the regions that attend to the chosen concept: in the first iteration, before they were aligned, and after the last one.',
  conceptMap: (concept: string, when: string) => `Regions that attend to “${concept}” ${when.toLowerCase()}`,
  comparison: 'With MIA and without it, side by side',
  comparisonLead:
    'The same model, trained on the same data without MIA, captions the picture too. Point at a word of either caption, or move to it with the Tab key, to see the regions it comes from.',
  compare: (bytes: number) => `Load the model without MIA (${megabytes(bytes)}, once)`,
  withMia: 'With MIA',
  withoutMia: 'Without MIA',
  pictureOf: (model: string) => `The picture: ${model.toLowerCase()}`,
  captionProbability: (value: number) => `Probability ${percent(value)}`,
  concepts: 'Concepts found in the picture',
  others: 'The best captions of the search',
  probability: 'Probability',
  places: [
    ['top left', 'top', 'top right'],
    ['left', 'centre', 'right'],
    ['bottom left', 'bottom', 'bottom right'],
  ],
} as const
