// Adds images to the features in a folder until it is killed, and says after each how many shards must be on disk by
// now.
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { featuresOf, source } from '../vision/sources.ts'

const writer = await FeatureWriter.open(process.argv[2]!, source, { shardSize: 4 })
for (let n = 0; ; n++) {
  if (writer.has(`image ${n}`)) continue
  await writer.add(`image ${n}`, { features: featuresOf(n) })
  process.stdout.write(`${writer.count}\n`)
}
