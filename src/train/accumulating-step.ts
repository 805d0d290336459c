import {
  floatData,
  type HostValues,
  type RunOptions,
  type Runtime,
  type Session,
  type Values,
} from '../engine/session.ts'
import { floats, type HostValue, ints } from '../formats/host-value.ts'
import type { Tensor } from '../graph/index.ts'
import type { Parameter } from '../nn/scope.ts'
import { toOnnx } from '../onnx/export.ts'
import { gradientName, gradientOutputs, gradientsOf, type UpdateOptions, updateStep } from './update.ts'

/** What a training step that accumulates gradients depends on. */
export interface AccumulationOptions extends UpdateOptions {
  /** the batch's inputs whose first axis counts images; the others are given to every part */
  readonly perImage: ReadonlySet<string>
  /** the most images of a part */
  readonly imagesAtOnce: number
  /** values stored in the model, such as weights that are not trained */
  readonly constants?: Parameters<typeof toOnnx>[1]
}

/**
 * A training step that goes through a batch part by part and adds up the gradients, so that it needs the memory of a
 * part only. It takes the inputs of the step that updates() describes, and `imagesTotal`; each part also gets
 * `imagesBefore`, the number of images before it. The loss of the parts must add up to that of the batch.
 */
export class AccumulatingStep implements Session {
  readonly #gradients: Session
  readonly #update: Session
  readonly #names: readonly string[]
  readonly #options: AccumulationOptions

  private constructor(gradients: Session, update: Session, names: readonly string[], options: AccumulationOptions) {
    this.#gradients = gradients
    this.#update = update
    this.#names = names
    this.#options = options
  }

  /** Compiles the step for a loss of `parameters`. */
  static async load(
    runtime: Runtime,
    parameters: readonly Parameter[],
    loss: Tensor,
    options: AccumulationOptions,
  ): Promise<AccumulatingStep> {
    const outputs = gradientOutputs(parameters, loss, gradientsOf(parameters, loss))
    const gradients = await runtime.load(toOnnx(outputs, options.constants))
    try {
      const update = await runtime.load(updateStep(parameters, options))
      return new AccumulatingStep(
        gradients,
        update,
        parameters.map(({ name }) => gradientName(name)),
        options,
      )
    } catch (error) {
      gradients.release()
      throw error
    }
  }

  /** The inputs of the step; those of a part that are not given are added. */
  get inputNames(): readonly string[] {
    return [...new Set([...this.#gradients.inputNames, ...this.#update.inputNames])]
  }

  get outputNames(): readonly string[] {
    return ['loss', ...this.#update.outputNames]
  }

  async run(feeds: Values, { into = {} }: RunOptions = {}): Promise<HostValues> {
    const values = feeds as HostValues
    const total = Number(values.imagesTotal!.data[0])
    const { imagesAtOnce, perImage } = this.#options
    let loss = 0
    let sums: Record<string, HostValue> | undefined
    for (let before = 0; before < total; before += imagesAtOnce) {
      const end = Math.min(before + imagesAtOnce, total)
      const part = Object.entries(values).map(([name, value]) => [
        name,
        perImage.has(name) ? rows(value, before, end) : value,
      ])
      const made = await this.#gradients.run(
        picked(this.#gradients, { ...Object.fromEntries(part), imagesBefore: ints(before) }),
      )
      loss += floatData(made.loss)[0]!
      if (sums) for (const name of this.#names) addTo(floatData(sums[name]), floatData(made[name]))
      else sums = Object.fromEntries(this.#names.map((name) => [name, made[name]!]))
    }
    const updated = await this.#update.run(picked(this.#update, { ...values, ...sums }), { into })
    return { ...updated, loss: floats([], Float32Array.of(loss)) }
  }

  async runOnDevice(): Promise<never> {
    throw new Error('Internal: a training step that accumulates gradients gives its outputs to the host')
  }

  release(): void {
    this.#gradients.release()
    this.#update.release()
  }
}

/** Some rows of the first axis. */
function rows({ dtype, shape, data }: HostValue, from: number, to: number): HostValue {
  const each = data.length / shape[0]!
  return { dtype, shape: [to - from, ...shape.slice(1)], data: data.subarray(from * each, to * each) } as HostValue
}

const picked = (session: Session, values: Values): Values =>
  Object.fromEntries(session.inputNames.map((name) => [name, values[name]!]))

function addTo(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!
}
