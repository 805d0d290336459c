// The graphs of a search: the encoder, a step, and the selection of encoded images.
import {
  add,
  constant,
  expand,
  gather,
  input,
  inputName,
  mul,
  product,
  reshape,
  scatterAdd,
  type Tensor,
  topological,
} from '../graph/index.ts'
import type { SearchModel, Tensors } from '../models/contract.ts'
import { type ImageTensors, imageInputs } from '../models/inputs.ts'
import type { Precision } from '../models/precision.ts'
import { bestWords, wordLogProbs } from './best-words.ts'

/** What the names of an image's tensors begin with. */
export const IMAGE = 'image.'
/** What the names of the rows' state before a step begin with. */
export const STATE = 'state.'
/** What the names of the rows' state after a step begin with. */
export const NEXT = 'next.'
/** What the names of the images' tensors that were selected begin with. */
export const SELECTED = 'selected.'
/** The symbols of a step's rows, G of each of B images; and of the words so far, the size of what grows. */
const [ROWS, GROUPS] = ['B*G', ['B', 'G']] as const
const GROWING = 'W'

/** The values under their names with a prefix. */
export const prefixed = <T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))

/** The values whose names have the prefix, without it. */
export const named = <T>(values: Readonly<Record<string, T>>, prefix: string): Record<string, T> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  )

/** The values whose names have the prefix, with it. */
export const withPrefix = <T>(values: Readonly<Record<string, T>>, prefix: string): Record<string, T> =>
  prefixed(prefix, named(values, prefix))

/**
 * The outputs of the encoder, with B images as the first size: the inputs that a step takes from the images, named
 * `image.…`, and the state before the first word, named `state.…`.
 */
export function encoderOutputs(model: SearchModel, images: ImageTensors): Record<string, Tensor> {
  const encoded = model.encode(images)
  const used = new Set(
    topological(Object.values(groupedStep(model, encoded).outputs)).flatMap(({ outputs }) => outputs.map(inputName)),
  )
  const needed = Object.entries(encoded).filter(([name]) => used.has(IMAGE + name))
  return { ...prefixed(IMAGE, Object.fromEntries(needed)), ...prefixed(STATE, model.start(encoded)) }
}

/** A step in the graph: the input of the output layer, and all outputs, those of the state with the prefix NEXT. */
interface GraphStep {
  readonly hidden: Tensor
  readonly outputs: Record<string, Tensor>
}

/** An input like a tensor but for its first size. */
const inputLike = (name: string, { shape, dtype }: Tensor, count: string): Tensor =>
  // an axis that grows, see SearchModel.start(), has any size
  input(
    name,
    shape.with(0, count).map((size) => (size === 0 ? GROWING : size)),
    dtype,
  )

/** A step of the rows `words`, whose parents are rows of the state before. */
function stepFrom(model: SearchModel, words: Tensor, parents: Tensor, encoded: Tensors, start: Tensors): GraphStep {
  const before = Object.entries(start).map(([name, x]) => [name, gather(inputLike(STATE + name, x, 'M'), parents)])
  const { hidden, state } = model.step(words, encoded, Object.fromEntries(before))
  return { hidden, outputs: { hidden, ...prefixed(NEXT, state) } }
}

/** One step of G rows for each of B images, which continue M rows; `words` and `parents` are int32 `[B, G]`. */
function groupedStep(model: SearchModel, encoded: Tensors): GraphStep {
  const rows = (name: string): Tensor => reshape(input(name, GROUPS, 'int32'), [ROWS])
  const images = Object.entries(encoded).map(([name, x]) => [name, inputLike(IMAGE + name, x, 'B')])
  return stepFrom(model, rows('words'), rows('parents'), Object.fromEntries(images), model.start(encoded))
}

/** The encoded images `images` int32 `[B]` of all A images, by the names of their inputs with the prefix SELECTED. */
export function selectorOutputs(model: SearchModel): Record<string, Tensor> {
  const all = encoderOutputs(model, imageInputs(model.inputs))
  const images = input('images', ['B'], 'int32')
  return Object.fromEntries(
    Object.entries(withPrefix(all, IMAGE)).map(([name, x]) => [
      SELECTED + name,
      gather(inputLike(name, x, 'A'), images),
    ]),
  )
}

/** What a step computes besides the state. */
export interface StepForm {
  /** the number of best words of each row */
  readonly width: number
  /** whether filters add penalties */
  readonly penalised: boolean
  /** whether the log-probabilities of single words are wanted */
  readonly wanted: boolean
}

/** A step, and the best next words of each row with their log-probabilities. */
export function stepOutputs(
  model: SearchModel,
  { width, penalised, wanted }: StepForm,
  precision: Precision,
): Record<string, Tensor> {
  const encoded = model.encode(imageInputs(model.inputs))
  const { hidden, outputs } = groupedStep(model, encoded)
  const penalties = penalised ? penaltyMatrix(model.output.size) : undefined
  const allowed = wordLogProbs(model.output, hidden)
  const words = penalties ? add(allowed, penalties) : allowed
  const { hidden: _, ...state } = outputs
  return {
    ...state,
    ...bestWords(model.output, hidden, { width, penalties, precision }),
    ...(wanted && { asked: wantedLogProbs(words, model.output.size) }),
  }
}

/** The log-probabilities of single words of single rows, `[Q]`. */
function wantedLogProbs(words: Tensor, size: number): Tensor {
  const places = add(
    mul(input('wantedRows', ['Q'], 'int32'), constant(size, 'int32')),
    input('wantedWords', ['Q'], 'int32'),
  )
  return gather(reshape(words, [product([size, ROWS])]), places)
}

/**
 * The outputs of a step that leaves the choice of words to its caller: `logProbs` `[N, W]` of all W words, -Infinity
 * for `<pad>`, `<start>` and `<unk>`; and the state of the N rows after the word, named `next.…`. Its inputs are
 * `words`, `parents` and `images`, int32 `[N]`: each row's word, its row in the state before, and its image; the
 * encoder's outputs `image.…`; and the state of M rows before the word, named `state.…`.
 */
export function allWordsStepOutputs(model: SearchModel): Record<string, Tensor> {
  const encoded = model.encode(imageInputs(model.inputs))
  const rows = (name: string): Tensor => input(name, ['N'], 'int32')
  const images = rows('images')
  const perRow = Object.entries(encoded).map(([name, x]) => [name, gather(inputLike(IMAGE + name, x, 'B'), images)])
  const { hidden, outputs } = stepFrom(
    model,
    rows('words'),
    rows('parents'),
    Object.fromEntries(perRow),
    model.start(encoded),
  )
  const { hidden: _, ...state } = outputs
  return { logProbs: wordLogProbs(model.output, hidden), ...state }
}

/** The penalties of a step as a dense array `[N, W]`. */
function penaltyMatrix(size: number): Tensor {
  const rows = input('penaltyRows', ['P'], 'int32')
  const places = add(mul(rows, constant(size, 'int32')), input('penaltyWords', ['P'], 'int32'))
  const zeros = expand(constant(0), [product([size, ROWS]), 1])
  const filled = scatterAdd(zeros, places, input('penaltyValues', ['P', 1]))
  return reshape(filled, [ROWS, size])
}
