// `mia` with two slow commands alone, run by process.test.ts as a process of its own.
import { defineCommand } from '../../src/cli/command.ts'
import { runProcess } from '../../src/cli/process.ts'

const wait = (stopped: (signal: AbortSignal) => void) =>
  defineCommand({
    name: '',
    summary: '',
    description: '',
    examples: [],
    options: {},
    run: async (_, { signal, report }) => {
      const progress = report.progress('Waiting', 'ticks')
      report.note('ready')
      for (let tick = 0; tick < 2000; tick++) {
        progress(tick, 2000)
        stopped(signal)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return { json: {}, text: 'done' }
    },
  })

const polite = { ...wait((signal) => signal.throwIfAborted()), name: 'polite' }
const deaf = { ...wait(() => {}), name: 'deaf' }

await runProcess(process.argv.slice(2), [{ heading: 'Slow', commands: [polite, deaf] }])
