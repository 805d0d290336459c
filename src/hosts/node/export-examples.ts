/** How the examples of an exported captioner get an image's features: from a picture, or from a file of features. */
export type ExampleInput = 'picture' | 'features'

/**
 * The source of `example.py`: captions one image by beam search with ONNX Runtime, numpy and Pillow. The search is that
 * of `mia caption`: it keeps the best finished caption and stops when no growing one can exceed it.
 */
export const pythonExample = (input: ExampleInput): string => `${PYTHON_HEAD[input]}${PYTHON_TAIL}`

/** The source of `example.mjs`: the same search with onnxruntime-node and sharp. */
export const javascriptExample = (input: ExampleInput): string => `${JAVASCRIPT_HEAD[input]}${JAVASCRIPT_TAIL}`

const PYTHON_COMMON = `
folder = Path(__file__).parent
config, words = [json.loads((folder / name).read_text("utf-8")) for name in ("config.json", "vocabulary.json")]
beam = int(sys.argv[2]) if len(sys.argv) > 2 else config["search"]["beam"]

def run(name, feeds, sessions={}):
    if name not in sessions:
        sessions[name] = onnxruntime.InferenceSession(str(folder / config[name]["file"]), providers=["CPUExecutionProvider"])
    names = [output["name"] for output in config[name]["outputs"]]
    return dict(zip(names, sessions[name].run(names, {i["name"]: feeds[i["name"]] for i in config[name]["inputs"]})))
`

const PYTHON_HEAD = {
  picture: `# python example.py photo.jpg [beam]    needs: pip install onnxruntime numpy pillow
import json, sys
from pathlib import Path
import numpy as np, onnxruntime
from PIL import Image, ImageOps
${PYTHON_COMMON}
image = config["image"]
picture = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGBA")
picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
picture = picture.resize((picture.width, image["height"]), Image.BILINEAR)  # first the rows, then the columns
pixels = np.asarray(picture.resize((image["width"], image["height"]), Image.BILINEAR))
pixels = pixels if image["channels"] == "RGB" else pixels[:, :, ::-1]
pixels = ((pixels / 255 - image["mean"]) / image["std"]).astype(np.float32).transpose(2, 0, 1)[None]
feeds = {"features": run("network", {config["network"]["inputs"][0]["name"]: pixels})[config["network"]["outputs"][0]["name"]]}
`,
  features: `# python example.py features.npy [beam]    needs: pip install onnxruntime numpy
import json, sys
from pathlib import Path
import numpy as np, onnxruntime
${PYTHON_COMMON}
features = np.load(sys.argv[1]).astype(np.float32)  # [regions, numbers], as many regions as the image has
feeds = {"features": np.zeros((1, config["features"]["regions"], config["features"]["size"]), np.float32)}
feeds["features"][0, :len(features)] = features
`,
} as const

const PYTHON_TAIL = `if "concepts" in config:
    feeds.update(run("concepts", feeds))
feeds.update(run("encoder", feeds))

rows, best = [([config["tokens"]["start"]], 0.0, 0)], ([], -np.inf)  # words, log-probability, row of the step before
for _ in range(config["search"]["maxLength"]):
    feeds.update(words=np.array([row[0][-1] for row in rows], np.int32), images=np.zeros(len(rows), np.int32))
    output = run("step", {**feeds, "parents": np.array([row[2] for row in rows], np.int32)})
    feeds.update({name.replace("next.", "state."): value for name, value in output.items()})
    totals, grown = output["logProbs"] + np.array([[row[1]] for row in rows]), []
    for parent, word in zip(*np.unravel_index(np.argsort(-totals, axis=None, kind="stable"), totals.shape)):
        if len(grown) == beam or totals[parent, word] <= best[1]:
            break
        if word == config["tokens"]["end"]:
            best = (rows[parent][0], totals[parent, word])
        else:
            grown.append((rows[parent][0] + [int(word)], totals[parent, word], parent))
    rows = grown or rows
    if not grown:
        break
print(" ".join(words[word] for word in (best[0] or rows[0][0])[1:]))
`

const JAVASCRIPT_COMMON = `
const path = (file) => join(import.meta.dirname, file)
const [config, words] = ['config.json', 'vocabulary.json'].map((file) => JSON.parse(readFileSync(path(file), 'utf8')))
const beam = Number(process.argv[3] ?? config.search.beam)
const sessions = {}
async function run(name, feeds) {
  sessions[name] ??= await ort.InferenceSession.create(path(config[name].file))
  return sessions[name].run(Object.fromEntries(config[name].inputs.map(({ name }) => [name, feeds[name]])))
}
const ints = (values) => new ort.Tensor('int32', Int32Array.from(values), [values.length])
`

const JAVASCRIPT_HEAD = {
  picture: `// node example.mjs photo.jpg [beam]    needs: npm install onnxruntime-node sharp
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import sharp from 'sharp'
${JAVASCRIPT_COMMON}
const { width, height, channels, mean, std } = config.image
const picture = sharp(process.argv[2]).autoOrient().flatten({ background: '#fff' }).toColourspace('srgb')
const rgb = await picture.resize(width, height, { fit: 'fill', kernel: 'linear' }).raw({ depth: 'uchar' }).toBuffer()
const pixels = Float32Array.from({ length: 3 * width * height }, (_, i) => {
  const [channel, at] = [Math.floor(i / (width * height)), i % (width * height)]
  return (rgb[3 * at + (channels === 'RGB' ? channel : 2 - channel)] / 255 - mean[channel]) / std[channel]
})
const [{ name: input }, { name: output }] = [config.network.inputs[0], config.network.outputs[0]]
const seen = await run('network', { [input]: new ort.Tensor('float32', pixels, [1, 3, height, width]) })
const feeds = { features: seen[output] }
`,
  features: `// node example.mjs features.npy [beam]    needs: npm install onnxruntime-node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
${JAVASCRIPT_COMMON}
const { regions, size } = config.features
const npy = readFileSync(process.argv[2]) // float32 [regions, numbers], as many regions as the image has
const features = new Float32Array(regions * size)
new Uint8Array(features.buffer).set(npy.subarray(10 + npy.readUInt16LE(8)))
const feeds = { features: new ort.Tensor('float32', features, [1, regions, size]) }
`,
} as const

const JAVASCRIPT_TAIL = `if (config.concepts) Object.assign(feeds, await run('concepts', feeds))
Object.assign(feeds, await run('encoder', feeds))

let rows = [{ ids: [config.tokens.start], total: 0, parent: 0 }]
let best = { total: -Infinity } // the best finished caption
for (let length = 0; length < config.search.maxLength; length++) {
  Object.assign(feeds, { words: ints(rows.map(({ ids }) => ids.at(-1))), images: ints(rows.map(() => 0)) })
  const output = await run('step', { ...feeds, parents: ints(rows.map(({ parent }) => parent)) })
  for (const name in output) feeds[name.replace('next.', 'state.')] = output[name]
  const totals = Array.from(output.logProbs.data, (logProb, i) => logProb + rows[Math.floor(i / words.length)].total)
  const grown = []
  for (const i of [...totals.keys()].sort((a, b) => totals[b] - totals[a])) {
    const [parent, word, total] = [Math.floor(i / words.length), i % words.length, totals[i]]
    if (grown.length === beam || !(total > best.total)) break
    if (word === config.tokens.end) best = { ids: rows[parent].ids, total }
    else grown.push({ ids: [...rows[parent].ids, word], total, parent })
  }
  if (grown.length === 0) break
  rows = grown
}
console.log((best.ids ?? rows[0].ids).slice(1).map((id) => words[id]).join(' '))
`
