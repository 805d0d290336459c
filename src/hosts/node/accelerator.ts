import { create, toBinary } from '@bufbuild/protobuf'
import { forWebgpu } from '../../engine/for-webgpu.ts'
import { widened } from '../../engine/widen.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'
import { valueProto } from '../../onnx/emit.ts'
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, OperatorSetIdProtoSchema } from '../../onnx/pb.ts'
import type { NodeEnvironment } from './environment.ts'
import { type AcceleratorDevice, appendProvider, PROVIDERS } from './providers.ts'

const DEVICE_ALLOCATOR = 0
const DEFAULT_MEMORY = 0

/** An input of a run, as an OrtValue. */
export interface Input {
  readonly name: string
  readonly handle: bigint
}

/** An output of a run: an OrtValue to write it to, or the memory for a new one. */
export type Output = Input | { readonly name: string; readonly memory: bigint }

/**
 * A device with memory of its own: a GPU. ONNX Runtime's WebGPU is not made for several threads, so everything that
 * touches the device is done in turn: models are compiled, inputs copied to it, models run, and memory freed.
 */
export class Accelerator {
  readonly environment: NodeEnvironment
  /** the OrtMemoryInfo of its memory */
  readonly memory: bigint
  readonly #device: AcceleratorDevice
  readonly #copiers = new Map<DType, Promise<bigint>>()
  /** OrtValues to free after the work in progress */
  readonly #waste: bigint[] = []
  readonly #finalizer = new FinalizationRegistry<bigint>((handle) => this.#free(handle))
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0

  /** Throws UserError if there is no such device, or ONNX Runtime cannot use it. */
  constructor(environment: NodeEnvironment, device: AcceleratorDevice) {
    const { api } = environment
    const options = api.make('CreateSessionOptions')
    try {
      appendProvider(api, options, device)
    } finally {
      api.plain('ReleaseSessionOptions', options)
    }
    this.environment = environment
    this.#device = device
    this.memory = api.make(
      'CreateMemoryInfo',
      PROVIDERS[device.kind].memory,
      DEVICE_ALLOCATOR,
      device.index ?? 0,
      DEFAULT_MEMORY,
    )
  }

  /** Does work after all work before it. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1
    const done = this.#last.then(work).finally(() => {
      this.#pending -= 1
      for (const handle of this.#waste.splice(0)) this.environment.releaseValue(handle)
    })
    this.#last = done.catch(() => {})
    return done
  }

  /** Compiles a model for the device, in turn. Throws EngineError if ONNX Runtime refuses it. */
  compile(model: Uint8Array): Promise<bigint> {
    const { api } = this.environment
    return this.inTurn(() =>
      this.environment.compile(this.#isWebgpu ? forWebgpu(model) : model, (options) =>
        appendProvider(api, options, this.#device),
      ),
    )
  }

  /** A typed array as the models of this device take it. */
  prepared(value: HostValue): HostValue {
    return this.#isWebgpu ? widened(value) : value
  }

  /** WebGPU has float16 on some GPUs alone, and lacks some operators. */
  get #isWebgpu(): boolean {
    return this.#device.kind === 'webgpu'
  }

  /** Copies an OrtValue of the device to a new typed array, in turn, by a model that does nothing else. */
  async read(handle: bigint, dtype: DType, owner: object): Promise<HostValue> {
    let copier = this.#copiers.get(dtype)
    if (!copier) {
      copier = this.compile(identity(dtype))
      copier.catch(() => this.#copiers.delete(dtype))
      this.#copiers.set(dtype, copier)
    }
    const session = await copier
    const inputs = [{ name: 'x', handle }]
    const outputs = [{ name: 'y', memory: this.environment.hostMemory }]
    const [copy] = await this.run(session, inputs, outputs, [this, owner])
    try {
      return this.environment.copy(copy!)
    } finally {
      this.environment.releaseValue(copy!)
    }
  }

  /**
   * Runs a session, in turn. Each output is written to an OrtValue, or to a new one in the memory given; returns their
   * OrtValues. `inUse` owns what the handles point to. `computed` are inputs that are still computed on the processor.
   */
  run(
    session: bigint,
    inputs: readonly Input[],
    outputs: readonly Output[],
    inUse: readonly unknown[],
    computed?: Promise<readonly Input[]>,
  ): Promise<bigint[]> {
    const { api } = this.environment
    return this.inTurn(async () => {
      const late = (await computed) ?? []
      const binding = api.make('CreateIoBinding', session)
      try {
        for (const { name, handle } of [...inputs, ...late]) api.call('BindInput', binding, name, handle)
        for (const output of outputs)
          if ('handle' in output) api.call('BindOutput', binding, output.name, output.handle)
          else api.call('BindOutputToDevice', binding, output.name, output.memory)
        await api.callAsync('RunWithBinding', [session, 0n, binding], [inUse])
        return this.environment.boundOutputs(binding)
      } finally {
        api.plain('ReleaseIoBinding', binding)
      }
    })
  }

  /** Frees an OrtValue of the device when `owner` is garbage collected. */
  releaseWith(owner: object, handle: bigint): void {
    this.#finalizer.register(owner, handle, owner)
  }

  /** Frees an OrtValue of the device: at once if it is idle, else after the work in progress. */
  release(handle: bigint, owner?: object): void {
    if (owner) this.#finalizer.unregister(owner)
    this.#free(handle)
  }

  #free(handle: bigint): void {
    if (this.#pending > 0) this.#waste.push(handle)
    else this.environment.releaseValue(handle)
  }
}

/** A model whose output `y` is its input `x`, of any shape. */
function identity(dtype: DType): Uint8Array {
  const node = create(NodeProtoSchema, { opType: 'Identity', input: ['x'], output: ['y'] })
  const graph = create(GraphProtoSchema, {
    name: 'copy',
    node: [node],
    input: [valueProto('x', dtype)],
    output: [valueProto('y', dtype)],
  })
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 18n })]
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }))
}
