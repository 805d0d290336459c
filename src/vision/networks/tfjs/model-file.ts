import * as v from 'valibot'
import { validate } from '../../../validate.ts'

const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
/** int64 values stand as text. */
const integer = v.union([v.string(), v.number()])
const list = v.object({ s: v.optional(v.array(v.string())), i: v.optional(v.array(integer)) })
const attribute = v.object({
  /** in base64 */
  s: v.optional(v.string()),
  i: v.optional(integer),
  b: v.optional(v.boolean()),
  list: v.optional(list),
  shape: v.optional(v.object({ dim: v.optional(v.array(v.object({ size: integer }))) })),
})
const node = v.object({
  name: v.string(),
  op: v.string(),
  input: v.optional(v.array(v.string())),
  attr: v.optional(v.record(v.string(), attribute)),
})
const weight = v.object({
  name: v.string(),
  shape: v.array(whole),
  dtype: v.string(),
  quantization: v.optional(v.object({ dtype: v.string(), scale: v.optional(v.number()), min: v.optional(v.number()) })),
})

/** `model.json` of a TensorFlow.js graph model: TensorFlow's GraphDef as JSON, and what lies where in the files of weights. */
const schema = v.object({
  format: v.literal('graph-model'),
  modelTopology: v.object({ node: v.array(node) }),
  weightsManifest: v.array(v.object({ paths: v.array(v.string()), weights: v.array(weight) })),
})

export type TfjsModel = v.InferOutput<typeof schema>
export type TfjsNodeDef = TfjsModel['modelTopology']['node'][number]
export type TfjsWeight = TfjsModel['weightsManifest'][number]['weights'][number]

/** Checks a model's parsed JSON. Throws UserError that names the file, the field, what it is and what it should be, followed by `advice`. */
export const checkTfjsModel = (json: unknown, path: string, advice: string): TfjsModel =>
  validate(schema, json, path, advice)
