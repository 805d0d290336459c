#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util'
import { contents } from './commands/index.ts'
import { formatContents } from './contents.ts'
import { respell } from './spelling.ts'

const args = process.argv.slice(2)
if (args[0] === '--help' || args[0] === '-h') {
  // The same page as the parser's. Without loading the parser it takes less than 100 ms, most of it Node's own start.
  const page = formatContents(contents)
  process.stdout.write(process.stdout.hasColors?.() ? page : stripVTControlCharacters(page))
} else {
  const { runProcess } = await import('./process.ts')
  await runProcess(respell(args))
}
