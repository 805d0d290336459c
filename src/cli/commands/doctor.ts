import { defineCommand } from '../command.ts'

const SIGNS = { ok: 'ok', no: '-', broken: 'BROKEN' } as const

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'what works on this machine, and what mends the rest',
  description:
    'Looks at the captioner and the network of this package by their checksums, Node, the processor, memory, disk, ONNX Runtime and what it can run on, the library for pictures, MPI and the ' +
    'cache, and says of each what was found and, where something does not work, the command that mends it.',
  examples: [{ call: 'mia doctor', what: 'exit status 1 if something is broken' }],
  options: {},
  async run() {
    const { checkMachine } = await import('../checks.ts')
    const checks = await checkMachine()
    const width = Math.max(...checks.map(({ what }) => what.length))
    const lines = checks.flatMap(({ what, state, found, mend }) => [
      `${SIGNS[state].padEnd(SIGNS.broken.length)}  ${what.padEnd(width)}  ${found}`,
      ...(mend === undefined ? [] : [`${' '.repeat(SIGNS.broken.length + width + 4)}${mend}`]),
    ])
    return { json: { checks }, text: lines.join('\n'), failed: checks.some(({ state }) => state === 'broken') }
  },
})
