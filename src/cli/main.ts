#!/usr/bin/env node
import { runProgram } from './program.ts'
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

const status = await runProgram(respell(process.argv.slice(2)), process, controller.signal)
process.exitCode = status === 130 && stoppedBy ? STATUS_OF_SIGNAL[stoppedBy] : status
