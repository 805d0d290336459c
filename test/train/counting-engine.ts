import type { Engine } from '../../src/engine/engine.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'

/**
 * The Node engine, and the number of its sessions that are not freed yet. It refuses the model of load number `failOn`.
 */
export function countingEngine({ failOn = 0 } = {}): { engine: Engine; open: () => number } {
  let loads = 0
  let open = 0
  const engine: Engine = {
    ...nodeEngine,
    runtime: {
      load: async (model) => {
        loads += 1
        if (loads === failOn) throw new Error('refused by the test')
        const session = await nodeEngine.runtime.load(model)
        open += 1
        let freed = false
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds, options) => session.run(feeds, options),
          runOnDevice: (feeds, wanted) => session.runOnDevice(feeds, wanted),
          release: () => {
            session.release()
            if (!freed) open -= 1
            freed = true
          },
        }
      },
    },
  }
  return { engine, open: () => open }
}
