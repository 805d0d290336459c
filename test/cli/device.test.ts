import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { deviceName, parseDevice } from '../../src/device.ts'
import { libraryPath } from '../../src/hosts/node/ort-library.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runScript, source } from '../support/script.ts'
import { mia } from './mia.ts'

test('the name of a device is that of a kind, for CUDA with its number', () => {
  for (const name of ['cpu', 'webgpu', 'cuda', 'cuda:1', 'cuda:15']) expect(deviceName(parseDevice(name)!)).toBe(name)
  expect(deviceName(parseDevice('cuda:0')!)).toBe('cuda')
  for (const name of ['', 'gpu', 'CPU', 'cpu:1', 'webgpu:1', 'cuda:', 'cuda:-1', 'cuda:01', 'cuda:100'])
    expect(parseDevice(name)).toBeUndefined()
})

test.each(['caption x.jpg', 'train --out r', 'features --data d', 'test --run r', 'serve', 'concepts train --data d'])(
  'mia %s --device gpu says which devices there are',
  async (command) => {
    const { status, stderr } = await mia([...command.split(' '), '--device', 'gpu'])
    expect(stderr).toContain(
      "option '--device <name>' argument 'gpu' is invalid. It must be cpu, webgpu, cuda, or cuda:n for one of several GPUs.",
    )
    expect(status).toBe(2)
  },
)

test.skipIf(existsSync(join(dirname(libraryPath()), 'libonnxruntime_providers_cuda.so')))(
  'without the library of CUDA, --device cuda says in one line what is missing and how to get it',
  async () => {
    const folder = await temporaryFolder()
    const { status, stderr } = await mia(['concepts', 'detect', '--data', folder, '--device', 'cuda:1'])
    expect(stderr).toMatch(/^Error: Cannot use the device cuda:1: .*\n$/)
    if (process.platform === 'linux' && process.arch === 'x64')
      expect(stderr).toMatch(/is missing; download it with "node .*install\.js --onnxruntime-node-install=cuda12"/)
    expect(status).toBe(1)
  },
)

test.skipIf(process.platform !== 'linux')('without a GPU, the device webgpu is refused in one line', async () => {
  const script = `
import { runtimeOn } from ${source('hosts/node/runtime.ts')}
try {
  runtimeOn({ kind: 'webgpu', index: 0 })
} catch (error) {
  console.log(JSON.stringify([error.name, error.message]))
}
`
  const printed = await runScript(await temporaryFolder(), script, { env: { VK_ICD_FILENAMES: '/nowhere.json' } })
  const [name, message] = JSON.parse(printed) as [string, string]
  expect(name).toBe('UserError')
  expect(message).toMatch(/^Cannot use the device webgpu: [^\n]*(libvulkan\.so\.1|adapter)[^\n]*$/)
})
