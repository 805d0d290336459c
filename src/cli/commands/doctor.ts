import { defineCommand } from '../command.ts'

const LABELS = { ok: 'ok', none: '-', warning: 'WARNING', error: 'ERROR' } as const
const WIDTH = Math.max(...Object.values(LABELS).map((label) => label.length))

/** `mia doctor`: checks the installation. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check the installation, and say how to repair it',
  description:
    'Checks Node, the processor, memory and disk space, ONNX Runtime and the devices it can use (by running a model on each), the image library, the ' +
    'checksums of the pretrained captioner and its CNN, and the cache. For everything that is missing or damaged it ' +
    'prints what to do. The exit status is 1 if something must be repaired.',
  examples: [{ call: 'mia doctor', what: 'check everything' }],
  options: {},
  async run() {
    const { checkMachine } = await import('../checks.ts')
    const checks = await checkMachine()
    const width = Math.max(...checks.map(({ name }) => name.length))
    const lines = checks.flatMap(({ name, status, found, fix }) => [
      `${LABELS[status].padEnd(WIDTH)}  ${name.padEnd(width)}  ${found}`,
      ...(fix === undefined ? [] : [`${' '.repeat(WIDTH + width + 4)}${fix}`]),
    ])
    return { json: { checks }, text: lines, failed: checks.some(({ status }) => status === 'error') }
  },
})
