#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util'
import { contents } from './commands/index.ts'
import { formatContents } from './contents.ts'
import { respell } from './spelling.ts'

const STATUS_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

const controller = new AbortController()
let stoppedBy: keyof typeof STATUS_OF_SIGNAL | undefined

// Once: with its listener gone, the second Ctrl-C ends the process as if we had never listened, however busy it is.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stoppedBy = signal
    controller.abort()
  })

// `mia ... | head` closes the pipe early: nobody is left to write to.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const args = respell(process.argv.slice(2))
if (args[0] === '--help' || args[0] === '-h') {
  // the parser would print the same, but is not loaded for it: most of the time that is left after Node's start is its
  const page = formatContents(contents)
  process.stdout.write(process.stdout.hasColors?.() ? page : stripVTControlCharacters(page))
} else {
  const { runProgram } = await import('./program.ts')
  const status = await runProgram(args, process, controller.signal)
  process.exitCode = status === 130 && stoppedBy ? STATUS_OF_SIGNAL[stoppedBy] : status
}
