// Runs models for onnxruntime.py: one request a line on standard input, one answer a line on standard output, in JSON.
import { createInterface } from 'node:readline'
import ort from 'onnxruntime-node'

const ARRAYS = { float32: Float32Array, int32: Int32Array }
const sessions = {}

/** A tensor from its type, its shape and its bytes as base64. */
function decode({ type, shape, data }) {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  return new ort.Tensor(type, new ARRAYS[type](bytes.buffer), shape)
}

const encode = ({ type, dims, data }) => ({
  type,
  shape: dims,
  data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
})

async function answer({ load, run, feeds, names }) {
  if (load) sessions[load] = await ort.InferenceSession.create(load)
  if (load) return {}
  const values = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, decode(value)]))
  const outputs = await sessions[run].run(values, names)
  return { outputs: names.map((name) => encode(outputs[name])) }
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line)).catch((error) => ({ error: error.message }))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
