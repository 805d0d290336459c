// Makes a quickstart of a few pictures. Run by commands.ts.
// Usage: tsx scripts/faults/children/quickstart.ts <folder>
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { quickstart } from '../../../src/quickstart/quickstart.ts'
import { openNetwork } from '../../../src/vision/index.ts'
import { asCommand } from './as-command.ts'

await asCommand(async () => {
  const network = await openNetwork(nodeEngine, 'builtin')
  await quickstart({
    engine: nodeEngine,
    out: process.argv[2]!,
    seed: 2,
    sizes: { train: 24, val: 4, epochs: 2, conceptEpochs: 2 },
    network,
    say: () => {},
    progress: () => () => {},
    signal: new AbortController().signal,
  }).finally(() => network.release())
})
