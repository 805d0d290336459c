import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Device, deviceName } from '../../device.ts'
import { EngineError } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import type { OrtApi } from './ort-api.ts'
import { canLoad, libraryPath } from './ort-library.ts'

/** A device other than the processor. */
export type AcceleratorDevice = Device & { readonly kind: Exclude<Device['kind'], 'cpu'> }

/** How ONNX Runtime computes on a kind of device: its execution provider. */
interface Provider {
  /** what ONNX Runtime calls the device's memory */
  readonly memory: string
  /** why the device cannot be used, as far as that is known before ONNX Runtime tries */
  readonly missing: () => string | undefined
  /** Makes a session with these options run on the device. Throws EngineError if ONNX Runtime finds no such device. */
  readonly append: (api: OrtApi, options: bigint, index: number) => void
  /** what to do if ONNX Runtime refuses */
  readonly advice: string
}

/** The providers of the library in onnxruntime-node. */
export const PROVIDERS: Readonly<Record<AcceleratorDevice['kind'], Provider>> = {
  webgpu: {
    memory: 'WebGPU_Buffer',
    missing: () =>
      process.platform === 'linux' && !canLoad('libvulkan.so.1')
        ? 'it needs Vulkan, and the library libvulkan.so.1 is missing; install it (Debian: apt install libvulkan1) and the driver of your GPU'
        : undefined,
    append: (api, options) => {
      const none = new BigUint64Array(1)
      for (const [key, value] of WEBGPU_OPTIONS) api.call('AddSessionConfigEntry', options, key, value)
      api.call('SessionOptionsAppendExecutionProvider', options, 'WebGPU', none, none, 0n)
    },
    advice:
      'install the driver of your GPU; without a GPU, a driver that computes on the processor is for tests alone ' +
      '(VK_ICD_FILENAMES names it, see docs/devices.md)',
  },
  cuda: {
    memory: 'Cuda',
    missing: () => {
      const folder = dirname(libraryPath())
      const path = join(folder, CUDA_LIBRARY)
      const installScript = join(folder, '../../../..', 'script/install.js')
      if (process.platform !== 'linux' || process.arch !== 'x64')
        return `onnxruntime-node has CUDA for Linux on x64 alone, and this is ${process.platform} ${process.arch}; use --device webgpu`
      return existsSync(path)
        ? undefined
        : `"${path}" is missing; download it with "node ${installScript} --onnxruntime-node-install=cuda12" (it also needs an NVIDIA GPU, CUDA 12 and cuDNN 9)`
    },
    append: (api, options, index) => {
      const cuda = api.make('CreateCUDAProviderOptions')
      try {
        const [key, value] = [cString('device_id'), cString(String(index))]
        const addressOf = (text: Uint8Array): BigUint64Array => BigUint64Array.of(api.addressOf(text))
        api.call('UpdateCUDAProviderOptions', cuda, addressOf(key), addressOf(value), 1n)
        api.call('SessionOptionsAppendExecutionProvider_CUDA_V2', options, cuda)
      } finally {
        api.plain('ReleaseCUDAProviderOptions', cuda)
      }
    },
    advice: 'it needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9 (their folders in LD_LIBRARY_PATH)',
  },
}

const WEBGPU_OPTIONS = [
  ['ep.webgpuexecutionprovider.enableInt64', '1'], // ids, and indices of the best words
  ['ep.webgpuexecutionprovider.powerPreference', 'high-performance'],
] as const

const CUDA_LIBRARY = 'libonnxruntime_providers_cuda.so'

const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`)

/** Makes a session with these options run on a device. Throws UserError, in one line, if that cannot be. */
export function appendProvider(api: OrtApi, options: bigint, device: AcceleratorDevice): void {
  const { missing, append, advice } = PROVIDERS[device.kind]
  const why = missing()
  if (why !== undefined) throw new UserError(`Cannot use the device ${deviceName(device)}: ${why}`)
  try {
    append(api, options, device.index ?? 0)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new UserError(`Cannot use the device ${deviceName(device)}: ${reason(error.message)}; ${advice}`, {
      cause: error,
    })
  }
}

/** What ONNX Runtime says, without the place in its source. */
const reason = (message: string): string =>
  message
    .trim()
    .split('\n')[0]!
    .replace(/^.* was false\. /, '')
    .replace(/[.;\s]+$/, '')
