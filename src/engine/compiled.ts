import type { Tensor } from '../graph/index.ts'
import { type ExportOptions, type Initializer, toOnnx } from '../onnx/export.ts'
import type { DeviceValues, HostValues, RunOptions, Runtime, Session, Value, Values } from './session.ts'

/**
 * A graph compiled by the engine, run by the names of its inputs and outputs.
 *
 * @example
 * const graph = await CompiledGraph.load(runtime, { y: matmul(input('x', ['B', 4]), input('w', [4, 2])) }, weights)
 * const { y } = await graph.run({ x: floats([3, 4]) }) // y is [3, 2]
 * graph.release()
 */
export class CompiledGraph {
  readonly #session: Session

  private constructor(session: Session) {
    this.#session = session
  }

  /**
   * Compiles the graph that computes `outputs`. Inputs named in `weights` are stored in the model with those values,
   * and so are constants that the engine can fold; the rest are the inputs of run(). Weights that the graph does not
   * use are ignored. Throws EngineError if the engine refuses the graph.
   */
  static async load(
    runtime: Runtime,
    outputs: Readonly<Record<string, Tensor>>,
    weights?: ReadonlyMap<string, Initializer>,
    options?: ExportOptions,
  ): Promise<CompiledGraph> {
    return new CompiledGraph(await runtime.load(toOnnx(outputs, weights, options)))
  }

  /** The inputs that the outputs depend on, without the weights. */
  get inputNames(): readonly string[] {
    return this.#session.inputNames
  }

  /** The names of the outputs, in the order given to load(). */
  get outputNames(): readonly string[] {
    return this.#session.outputNames
  }

  /**
   * Runs the graph off the main thread and returns its outputs as typed arrays. `feeds` may hold more than the graph
   * needs: only the values named by `inputNames` are read. Throws Error if one of them is missing, or after
   * release(); throws EngineError if the engine fails, for example because a shape does not fit.
   */
  async run(feeds: Values, options?: RunOptions): Promise<HostValues> {
    return this.#session.run(this.#pick(feeds), options)
  }

  /**
   * Like run(), but leaves the outputs `wanted`, by default all, on the device, so that they can be fed to the next
   * run without a copy. The caller releases them. Those of `toRead` are to be read at once, see Session.
   */
  async runOnDevice(feeds: Values, wanted?: readonly string[], toRead?: readonly string[]): Promise<DeviceValues> {
    return this.#session.runOnDevice(this.#pick(feeds), wanted, toRead)
  }

  /** Frees the model once the runs in progress have ended; later runs throw Error. */
  release(): void {
    this.#session.release()
  }

  #pick(feeds: Values): Values {
    const picked: Record<string, Value> = {}
    for (const name of this.#session.inputNames) {
      const value = Object.hasOwn(feeds, name) ? feeds[name] : undefined
      if (!value) throw new Error(`Internal: the graph needs the input "${name}", which is missing from the feeds`)
      picked[name] = value
    }
    return picked
  }
}
