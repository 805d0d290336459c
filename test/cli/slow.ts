// `mia` with slow commands, which process.test.ts runs as a process.
import { defineCommand } from '../../src/cli/command.ts'
import { runProcess } from '../../src/cli/process.ts'

const wait = (check: (signal: AbortSignal) => void, ticks = 2000) =>
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
      for (let tick = 0; tick < ticks; tick++) {
        progress(tick, ticks)
        check(signal)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return { json: {}, text: 'done' }
    },
  })

const stoppable = { ...wait((signal) => signal.throwIfAborted()), name: 'stoppable' }
const stubborn = { ...wait(() => {}), name: 'stubborn' }
const brief = { ...wait(() => {}, 50), name: 'brief' }

await runProcess(process.argv.slice(2), [{ heading: 'Slow', commands: [stoppable, stubborn, brief] }])
