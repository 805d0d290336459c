import type { Assets } from '../../src/engine/assets.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { type DecodeOptions, ImageError, type ImageInput, type Pictures } from '../../src/engine/pictures.ts'
import type { HostValues, Runtime, Session } from '../../src/engine/session.ts'
import { UserError } from '../../src/errors.ts'

/** Pictures of one colour each, by name. */
export type Colours = Readonly<
  Record<string, { readonly width: number; readonly height: number; readonly rgb: readonly number[] }>
>

/** What a model computes. */
export type Compute = (feeds: HostValues) => HostValues

/** A file in memory: its bytes, and what the model in it computes, because nothing here reads ONNX. */
export interface MemoryFile {
  readonly bytes: Uint8Array
  readonly inputName: string
  readonly compute: Compute
}

/**
 * An engine without Node, files and ONNX Runtime, as another host would make one. `released` counts the sessions that
 * were released.
 */
export class MemoryEngine implements Engine {
  readonly runtime: Runtime
  readonly pictures: Pictures
  readonly assets: Assets
  released = 0

  /** `models` computes the sessions, in the order in which they are opened. */
  constructor(colours: Colours, files: Readonly<Record<string, MemoryFile>>, models: readonly MemoryFile[]) {
    const opened = models.values()
    this.runtime = { load: async () => this.#session(opened.next().value!) }
    this.pictures = memoryPictures(colours)
    this.assets = {
      async read(name, what) {
        const file = files[name]
        if (!file) throw new UserError(`Cannot read ${what} "${name}": there is no such file`)
        return file.bytes
      },
      sibling: async () => undefined,
      resolve: (name) => `memory:${name}`,
      builtin: async () => Promise.reject(new UserError('Cannot read the built-in network')),
      cached: (_, make) => make(),
    }
  }

  #session({ inputName, compute }: MemoryFile): Session {
    return {
      inputNames: [inputName],
      outputNames: [],
      run: async (feeds) => compute(feeds as HostValues),
      runOnDevice: async () => Promise.reject(new Error('Internal: this engine has no device')),
      release: () => {
        this.released += 1
      },
    }
  }
}

function memoryPictures(colours: Colours): Pictures {
  const find = (input: ImageInput) => {
    const found = colours[String(input)]
    if (!found) throw new ImageError(`image "${input}"`, 'there is no such picture')
    return found
  }
  return {
    async decode(input, { width, height }: DecodeOptions) {
      const { rgb } = find(input)
      return Uint8Array.from({ length: 3 * width * height }, (_, i) => rgb[i % 3]!)
    },
    size: async (input) => find(input),
    thumbnail: async (input) => ({ url: 'data:,', ...find(input) }),
    nameOf: (input) => String(input),
  }
}
