// Seconds to caption 80 images with a beam of 3 and 20 words:
// tsx bench/decode.ts <mia 0|1> [basic model] [precision] [device]. Prints one JSON line.

import { parseDevice } from '../src/device.ts'
import { runtimeOn } from '../src/hosts/node/runtime.ts'
import { search } from '../src/search/index.ts'
import { ModelDecoder } from '../src/search/model-stepper.ts'
import { makeModel, median, sizes, someFeatures, someWords, startWeights } from './sizes.ts'

const [, , mia, basicModel = 'VisualAttention', precision = 'float32', deviceName = 'cpu'] = process.argv
if (precision !== 'float32' && precision !== 'int8') throw new Error(`There is no precision "${precision}"`)
const device = parseDevice(deviceName)
if (!device) throw new Error(`There is no device "${deviceName}"`)
const [IMAGES, RUNS] = [80, 5]
const model = makeModel(basicModel, mia === '1')
const decoder = await ModelDecoder.load(runtimeOn(device), model, startWeights(model), { precision })
const features = someFeatures(IMAGES).data as Uint16Array
const concepts = someWords(IMAGES * sizes.regions)
const seconds: number[] = []
for (let run = 0; run <= RUNS; run++) {
  const start = performance.now()
  const stepper = await decoder.encode(features, concepts)
  const found = await search(stepper, IMAGES, { beam: 3, maxLength: 20 })
  stepper.release()
  if (found.some(([best]) => best!.words.length < 20))
    throw new Error('a caption ended early: less work than the other side does')
  if (run > 0) seconds.push((performance.now() - start) / 1000)
}
await decoder.release() // ends the profile that MIA_PROFILE asks for
console.log(JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024 }))
