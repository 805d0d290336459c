import type { Assets } from './assets.ts'
import type { Pictures } from './pictures.ts'
import type { Runtime } from './session.ts'

/**
 * All that the project needs of the machine it runs on. A host makes one, and everything above gets it as an argument.
 */
export interface Engine {
  readonly runtime: Runtime
  readonly pictures: Pictures
  readonly assets: Assets
}
