import type { Engine } from '../../../engine/engine.ts'
import { floatData, type Session } from '../../../engine/session.ts'
import { fromFloat16 } from '../../../formats/float16.ts'
import { floats } from '../../../formats/host-value.ts'
import { input, mul, sub } from '../../../graph/index.ts'
import { type Preprocessing, RGB255 } from '../../preprocessing.ts'
import type { Network } from '../network.ts'
import { DEVIATIONS, MEANS } from './channels.ts'
import { grid, LAYERS, SIDE, SIZE } from './grid.ts'
import { CENTERNET, INPUT, openPart, type Part } from './model.ts'

/**
 * The grid with each channel standardised over photographs. The standard deviations of raw channels are between .02 and
 * 2, and the largest dominate training: the concept detector's mAP on Flickr8k is .165 with raw channels, .188 with
 * standardised ones.
 */
export const FEATURES: Part = {
  name: 'features',
  size: SIZE,
  recipe: { layers: LAYERS, side: SIDE, means: MEANS, deviations: DEVIATIONS },
  outputs: (node, keep) => {
    const [means, deviations] = [floatsOf(MEANS), floatsOf(DEVIATIONS)]
    keep.set('channels/mean', floats([means.length], means))
    keep.set(
      'channels/scale',
      floats(
        [means.length],
        deviations.map((deviation) => 1 / deviation),
      ),
    )
    const centred = sub(grid(node, keep), input('channels/mean', [means.length]))
    return { regions: mul(centred, input('channels/scale', [means.length])) }
  },
}

/** Numbers from the base64 of their float16 bits, little-endian. */
const floatsOf = (text: string): Float32Array =>
  fromFloat16(new Uint16Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer))

/** Opens the network as a feature extractor. Throws UserError if its package is missing or damaged. */
export async function openCenternet(engine: Engine): Promise<Network> {
  const { session, sha256 } = await openPart(engine, FEATURES)
  return new CenternetNetwork(session, sha256)
}

class CenternetNetwork implements Network {
  readonly name = CENTERNET
  readonly layer = `${Object.keys(LAYERS).join('+')}, standardised`
  readonly input: Preprocessing = { width: SIZE, height: SIZE, ...RGB255 }
  readonly regions = SIDE * SIDE
  readonly columns = SIDE
  readonly size = floatsOf(MEANS).length
  readonly #session: Session

  constructor(
    session: Session,
    readonly sha256: string,
  ) {
    this.#session = session
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    const { regions } = await this.#session.run({ [INPUT]: floats([count, 3, SIZE, SIZE], images) })
    return floatData(regions)
  }

  release(): void {
    this.#session.release()
  }
}
