/** The kinds of devices that models run on: the processor, a GPU by WebGPU (Vulkan, Metal, Direct3D), one of NVIDIA. */
export const DEVICE_KINDS = ['cpu', 'webgpu', 'cuda'] as const

/** A device that models run on. */
export interface Device {
  readonly kind: (typeof DEVICE_KINDS)[number]
  /** which of several, from 0, by default the first; only CUDA numbers its devices */
  readonly index?: number
}

/** The processor. */
export const CPU: Device = { kind: 'cpu' }

/** The device of a name as in `--device`: `cpu`, `webgpu`, `cuda` or `cuda:1`; undefined for any other text. */
export function parseDevice(text: string): Device | undefined {
  const [, number] = /^cuda:(0|[1-9]\d?)$/.exec(text) ?? []
  if (number !== undefined) return { kind: 'cuda', index: Number(number) }
  const kind = DEVICE_KINDS.find((each) => each === text)
  return kind && { kind }
}

/** The name of a device, as parseDevice() takes it. */
export const deviceName = ({ kind, index }: Device): string => (index === undefined ? kind : `${kind}:${index}`)
