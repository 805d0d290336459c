// Run on several ranks by hanging.test.ts: rank 0 works for long, then answers, then hangs. Rank 1 prints what it heard.
import { MpiCommunicator } from '../../../../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../../../../src/hosts/node/mpi/launch.ts'

const ranks = await MpiCommunicator.join(launchOf(process.env)!)
const began = performance.now()
const seconds = () => (performance.now() - began) / 1000
const answer = async (): Promise<string> =>
  ranks.gather(new Uint8Array()).then(
    () => 'an answer',
    (error: Error) => error.message,
  )
if (ranks.rank === 0) {
  ranks.busy(600)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[2]) * 1000)
}
const first = { heard: await answer(), after: seconds() }
if (ranks.rank === 0) {
  ranks.busy(600)
  process.kill(process.pid, 'SIGSTOP')
}
const second = { heard: await answer(), after: seconds() - first.after }
if (ranks.rank === 1) console.log(JSON.stringify({ first, second }))
if (ranks.rank > 1) await new Promise((resolve) => setTimeout(resolve, 3000))
ranks.abort(1)
