import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cast, gather, input, matmul, mul, reshape, sum, tanh } from '../../../src/graph/index.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { normals } from '../../support/random.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const START = '<|startoftext|>'
const END = '<|endoftext|>'
/** Pairs that are merged, first things first. */
const MERGES = ['d o', 'do g</w>', 'p h', 'ph o', 't o</w>', 'a c', 'c a', 'ca t</w>', 'r e', 're d</w>']
const TOKENS = [
  ...LETTERS,
  ...[...LETTERS].map((letter) => `${letter}</w>`),
  ...MERGES.map((pair) => pair.replace(' ', '')),
  START,
  END,
]
const idOf = (token: string): number => TOKENS.indexOf(token)

/** A tokenizer.json in the form in which OpenAI's CLIP is published, with a vocabulary of letters and a few merges. */
const TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [START, END].map((content) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: true,
    special: true,
  })),
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: String.raw`\s+` }, content: ' ' },
      { type: 'Lowercase' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: {
          Regex: String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`,
        },
        behavior: 'Removed',
        invert: true,
      },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    ],
  },
  post_processor: {
    type: 'RobertaProcessing',
    sep: [END, idOf(END)],
    cls: [START, idOf(START)],
    trim_offsets: false,
    add_prefix_space: false,
  },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: END,
    continuing_subword_prefix: '',
    end_of_word_suffix: '</w>',
    fuse_unk: false,
    vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])),
    merges: MERGES,
  },
}

/** The side of the pictures that the tiny CLIP sees. */
export const SIDE = 8
const PIXELS = 3 * SIDE * SIDE
const HIDDEN = 6
const EMBEDDING = 5
const weights = normals(7)
const TABLE = Float32Array.from(weights(TOKENS.length * HIDDEN))
const PROJECTION = Float32Array.from(weights(HIDDEN * EMBEDDING))
const VISION = Float32Array.from(weights(PIXELS * EMBEDDING))

/** Values in preprocessor_config.json, in an older form of the file. */
export const MEAN = [0.5, 0.4, 0.3]
export const STD = [0.2, 0.25, 0.3]
const PREPROCESSOR = {
  do_center_crop: true,
  do_normalize: true,
  do_resize: true,
  feature_extractor_type: 'CLIPFeatureExtractor',
  image_mean: MEAN,
  image_std: STD,
  crop_size: SIDE,
  resample: 3,
  size: SIDE,
}

/** What the text model computes: tanh(sum of the tokens' rows) times the projection. */
export function textEmbedding(ids: readonly number[]): number[] {
  const hidden = Array.from({ length: HIDDEN }, (_, h) =>
    Math.tanh(ids.reduce((total, id) => total + TABLE[id * HIDDEN + h]!, 0)),
  )
  return Array.from({ length: EMBEDDING }, (_, e) =>
    hidden.reduce((total, value, h) => total + value * PROJECTION[h * EMBEDDING + e]!, 0),
  )
}

/** What the vision model computes: the pixels, `[3, SIDE, SIDE]`, times a matrix. */
export function pictureEmbedding(pixels: ArrayLike<number>): number[] {
  return Array.from({ length: EMBEDDING }, (_, e) => {
    let total = 0
    for (let i = 0; i < PIXELS; i++) total += pixels[i]! * VISION[i * EMBEDDING + e]!
    return total
  })
}

/** The ids of a lower-case text of letters and spaces, by byte pair encoding as its paper describes it. */
export function tinyIds(text: string): number[] {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? []
  return [START, ...words.flatMap(pieces), END].map(idOf)
}

function pieces(word: string): string[] {
  let parts = [...word].map((letter, i) => (i === word.length - 1 ? `${letter}</w>` : letter))
  for (;;) {
    const ranks = parts.slice(1).map((part, i) => MERGES.indexOf(`${parts[i]} ${part}`))
    const best = Math.min(...ranks.filter((rank) => rank >= 0))
    if (best === Infinity) return parts
    const at = ranks.indexOf(best)
    parts = [...parts.slice(0, at), parts[at]! + parts[at + 1]!, ...parts.slice(at + 2)]
  }
}

/** The files of a tiny CLIP, by name; `masked` gives the text model an attention mask too. */
export function tinyClip({ masked = false } = {}): Record<string, Uint8Array | string> {
  const pixels = input('pixel_values', ['batch', 3, SIDE, SIDE])
  const image_embeds = matmul(reshape(pixels, ['batch', PIXELS]), input('vision', [PIXELS, EMBEDDING]))
  const ids = input('input_ids', ['batch', 'length'], 'int64')
  const rows = gather(input('table', [TOKENS.length, HIDDEN]), cast(ids, 'int32'))
  const mask = reshape(cast(input('attention_mask', ['batch', 'length'], 'int64'), 'float32'), ['batch', 'length', 1])
  const hidden = tanh(sum(masked ? mul(rows, mask) : rows, [1]))
  const text_embeds = matmul(hidden, input('projection', [HIDDEN, EMBEDDING]))
  const stored = new Map([
    ['vision', { shape: [PIXELS, EMBEDDING], data: VISION }],
    ['table', { shape: [TOKENS.length, HIDDEN], data: TABLE }],
    ['projection', { shape: [HIDDEN, EMBEDDING], data: PROJECTION }],
  ])
  return {
    'vision_model.onnx': toOnnx({ image_embeds }, stored),
    'text_model.onnx': toOnnx({ text_embeds, hidden }, stored),
    'tokenizer.json': JSON.stringify(TOKENIZER),
    'preprocessor_config.json': JSON.stringify(PREPROCESSOR),
  }
}

/** Writes files into a folder. */
export async function writeFiles(folder: string, files: Record<string, Uint8Array | string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}
