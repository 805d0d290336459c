// Times the sum of gradients over the ranks, in the buckets of training, as float32 and as float16, and prints one JSON
// line each: median seconds of the sum, its bytes, and the seconds of a sum of one number, which is the latency.
// Usage: mpirun -n 2 npx tsx bench/allreduce.ts [megabytes as float32, by default 80]
import { ALONE } from '../src/distributed/communicator.ts'
import { MpiCommunicator } from '../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../src/hosts/node/mpi/launch.ts'
import { nodeRuntime } from '../src/hosts/node/runtime.ts'
import type { Parameter } from '../src/nn/scope.ts'
import { openBuckets } from '../src/train/gradient-buckets.ts'
import { GRADIENT_TYPES } from '../src/train/hyperparameters.ts'
import { median } from './sizes.ts'

const megabytes = Number(process.argv[2] ?? 80)
const launch = launchOf(process.env)
const mpi = launch && (await MpiCommunicator.join(launch))
const ranks = mpi ?? ALONE

async function timesOf(count: number, work: () => Promise<unknown>): Promise<number> {
  await work()
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await work()
    times.push((performance.now() - start) / 1000)
  }
  return median(times)
}

const parameter = { name: 'gradient', shape: [megabytes * 250_000] } as unknown as Parameter
const latencySeconds = await timesOf(50, () => ranks.sum(new Float32Array(1)))
const library = ranks.description.split(': ')[0]
for (const type of GRADIENT_TYPES) {
  const buckets = await openBuckets(nodeRuntime, [parameter], { type, ranks: ranks.size })
  const seconds = await timesOf(5, () => buckets.sum(ranks, { loss: 0, stop: false, patience: 600 }))
  buckets.release()
  const bytes = (megabytes * 1e6) / (type === 'float32' ? 1 : 2)
  if (ranks.rank === 0)
    console.log(JSON.stringify({ ranks: ranks.size, library, type, bytes, seconds, latencySeconds }))
}
await mpi?.leave()
