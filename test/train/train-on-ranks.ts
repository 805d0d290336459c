// Run on several ranks by ranks.test.ts: trains the runs of a list, one after the other. Rank 0 prints how many of the
// tensors that it sent to the others at the beginning of an epoch were not there already, bit by bit.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readRunConfig } from '../../src/disk/run.ts'
import type { Communicator } from '../../src/distributed/communicator.ts'
import { gatherJson } from '../../src/distributed/messages.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { MpiCommunicator } from '../../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../../src/hosts/node/mpi/launch.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'

const ranks = await MpiCommunicator.join(launchOf(process.env)!)
const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
let changed = 0
let sums = 0
const [list, stopper, stopAfter] = process.argv.slice(2)
const controller = new AbortController()
const watched: Communicator = {
  rank: ranks.rank,
  size: ranks.size,
  local: ranks.local,
  description: ranks.description,
  lost: ranks.lost,
  async sum(data, waiting) {
    sums += 1
    // one rank alone is told to stop
    if (ranks.rank === Number(stopper) && sums === Number(stopAfter)) controller.abort()
    await ranks.sum(data, waiting)
  },
  gather: (data, waiting) => ranks.gather(data, waiting),
  exchange: (data, into, waiting) => ranks.exchange(data, into, waiting),
  busy: (seconds) => ranks.busy(seconds),
  async broadcast(data, waiting) {
    const before = digest(data)
    const isEmpty = data.every((byte) => byte === 0) // weights that are read from the disk, or moments at the beginning
    await ranks.broadcast(data, waiting)
    if (!isEmpty && digest(data) !== before) changed += 1
  },
}
const folders = JSON.parse(await readFile(list!, 'utf8')) as string[]
try {
  for (const folder of folders)
    await trainCaptioner({
      engine: nodeEngine,
      folder,
      config: await readRunConfig(folder),
      ranks: watched,
      signal: controller.signal,
    })
} catch (error) {
  if ((error as Error).name !== 'AbortError') throw error
  changed = -1
}
const all = await gatherJson(ranks, changed)
if (ranks.rank === 0) console.log(JSON.stringify(all))
await ranks.leave()
