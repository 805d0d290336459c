// Run on several ranks by communicator.test.ts: makes every collective call, and rank 0 prints what came of them.
import { gatherJson } from '../../../../src/distributed/messages.ts'
import { MpiCommunicator } from '../../../../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../../../../src/hosts/node/mpi/launch.ts'
import { MpiLibrary } from '../../../../src/hosts/node/mpi/library.ts'

const launched = launchOf(process.env)!
MpiLibrary.load(launched.libraries)
const ucx = [process.env.UCX_MEM_EVENTS, process.env.UCX_HANDLE_ERRORS] // which UCX reads when MPI begins
const ranks = await MpiCommunicator.join(launched)
const { rank, size } = ranks

/** Numbers of a rank that no other has, of both signs; their sum depends on the order of the additions. */
const own = Float32Array.from({ length: 100_003 }, (_, i) => Math.fround(Math.sin(i + 1000 * rank) * 10 ** (i % 7)))
const sums = [own, own.subarray(5, 50_000)].map((each) => each.slice())
await Promise.all(sums.map((each) => ranks.sum(each)))

const root = new Uint8Array(70_001).map((_, i) => (rank === 0 ? i % 251 : 0))
await ranks.broadcast(root)

const gathered = await ranks.gather(new Uint8Array(3 * rank).fill(rank))
const parts = Uint8Array.from({ length: 2 * size }, (_, i) => 100 * rank + i)
const received = new Uint8Array(2 * size)
await ranks.exchange(parts, received)

const all = await gatherJson(ranks, {
  rank,
  local: ranks.local,
  ucx,
  sums: sums.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength).toString('base64')),
  root: Buffer.from(root).toString('base64'),
  gathered: gathered.map((each) => [...each]),
  received: [...received],
})
if (rank === 0) console.log(JSON.stringify({ description: ranks.description, all }))
await ranks.leave()
