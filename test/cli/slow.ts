// `mia` with two slow commands, which process.test.ts runs as a process.
import { defineCommand } from '../../src/cli/command.ts'
import { runProcess } from '../../src/cli/process.ts'

const wait = (check: (signal: AbortSignal) => void) =>
  defineCommand({
    name: '',
    summary: '',
    description: '',
    examples: [],
    options: {},
    resumes: true,
    run: async (_, { signal, report }) => {
      const progress = report.progress('Waiting', 'ticks')
      report.note('ready')
      for (let tick = 0; tick < 2000; tick++) {
        progress(tick, 2000)
        check(signal)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return { json: {}, text: 'done' }
    },
  })

const stoppable = { ...wait((signal) => signal.throwIfAborted()), name: 'stoppable' }
const stubborn = { ...wait(() => {}), name: 'stubborn' }

await runProcess(process.argv.slice(2), [{ heading: 'Slow', commands: [stoppable, stubborn] }])
