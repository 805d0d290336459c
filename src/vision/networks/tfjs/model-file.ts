import * as v from 'valibot'
import { COUNT, validate } from '../../../validate.ts'

/** An int64, which JSON stores as text. */
const integer = v.union([v.string(), v.number()])
const list = v.object({ s: v.optional(v.array(v.string())), i: v.optional(v.array(integer)) })
const attribute = v.object({
  /** base64 */
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
  shape: v.array(COUNT),
  dtype: v.string(),
  quantization: v.optional(v.object({ dtype: v.string(), scale: v.optional(v.number()), min: v.optional(v.number()) })),
})
const SCHEMA = v.object({
  format: v.literal('graph-model'),
  modelTopology: v.object({ node: v.array(node) }),
  weightsManifest: v.array(v.object({ paths: v.array(v.string()), weights: v.array(weight) })),
})

/** `model.json` of a TensorFlow.js graph model: TensorFlow's GraphDef as JSON, and the layout of the weight files. */
export type TfjsModel = v.InferOutput<typeof SCHEMA>

/** A node of TensorFlow's GraphDef. */
export type TfjsNodeDef = TfjsModel['modelTopology']['node'][number]

/** A weight that the manifest lists: its shape, its type, and how it is quantized. */
export type TfjsWeight = TfjsModel['weightsManifest'][number]['weights'][number]

/**
 * Checks the parsed `model.json` of `path`. Throws UserError that names the field and what it should be, then `advice`.
 */
export const checkTfjsModel = (json: unknown, path: string, advice: string): TfjsModel =>
  validate(SCHEMA, json, path, advice)
