import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { deviceOfRank } from '../../src/cli/device-of-rank.ts'
import { deviceName, parseDevice } from '../../src/device.ts'
import { libraryPath } from '../../src/hosts/node/ort-library.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runScript, source } from '../support/script.ts'
import { mia } from './mia.ts'

test('the name of a device is that of a kind, for CUDA with its number', () => {
  for (const name of ['cpu', 'webgpu', 'cuda', 'cuda:0', 'cuda:15']) expect(deviceName(parseDevice(name)!)).toBe(name)
  for (const name of ['', 'gpu', 'CPU', 'cpu:1', 'webgpu:1', 'cuda:', 'cuda:-1', 'cuda:01', 'cuda:100'])
    expect(parseDevice(name)).toBeUndefined()
})

test('each rank on a machine gets a GPU of its own', () => {
  const cuda = parseDevice('cuda')!
  const of = (rank: number, visible?: string) => deviceName(deviceOfRank(cuda, { rank, size: 4 }, visible))
  const all = (visible?: string) => [0, 1, 2, 3].map((rank) => of(rank, visible))
  expect(all()).toEqual(['cuda:0', 'cuda:1', 'cuda:2', 'cuda:3'])
  expect(all('4,5,6,7')).toEqual(['cuda:0', 'cuda:1', 'cuda:2', 'cuda:3']) // CUDA numbers those that it sees
  expect(all('2')).toEqual(['cuda:0', 'cuda:0', 'cuda:0', 'cuda:0']) // Slurm's --gpus-per-task=1
  expect(all('GPU-8932f937,GPU-1a2b3c4d')).toEqual(['cuda:0', 'cuda:1', 'cuda:0', 'cuda:1'])
  expect(all('')).toEqual(['cuda:0', 'cuda:1', 'cuda:2', 'cuda:3'])
})

test('a rank that is alone on its machine uses the GPU that is named, and devices without numbers are shared', () => {
  expect(deviceOfRank(parseDevice('cuda:3')!, { rank: 0, size: 1 }, undefined)).toEqual({ kind: 'cuda', index: 3 })
  expect(deviceOfRank(parseDevice('cuda')!, { rank: 0, size: 1 }, '1,2')).toEqual({ kind: 'cuda' })
  for (const kind of ['cpu', 'webgpu'] as const)
    expect(deviceOfRank({ kind }, { rank: 1, size: 2 }, '0')).toEqual({ kind })
})

test('several ranks of a machine are refused one GPU', () => {
  expect(() => deviceOfRank(parseDevice('cuda:0')!, { rank: 0, size: 2 }, undefined)).toThrow(
    'Cannot use the device cuda:0 for each of 2 ranks on one machine: write "--device cuda"',
  )
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

test('mia cnn tune refuses webgpu, which has wrong gradients of convolutions', async () => {
  const { status, stderr } = await mia(['cnn', 'tune', '--data', 'd', '--out', 'n', '--device', 'webgpu'])
  expect(stderr).toContain('Cannot tune a network on the device webgpu')
  expect(status).toBe(2)
})

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
  runtimeOn({ kind: 'webgpu' })
} catch (error) {
  console.log(JSON.stringify([error.name, error.message]))
}
`
  const printed = await runScript(await temporaryFolder(), script, { env: { VK_ICD_FILENAMES: '/nowhere.json' } })
  const [name, message] = JSON.parse(printed) as [string, string]
  expect(name).toBe('UserError')
  expect(message).toMatch(/^Cannot use the device webgpu: [^\n]*(libvulkan\.so\.1|adapter)[^\n]*$/)
})
