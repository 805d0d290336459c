import type { CaptionerOptions } from '../../caption/caption-options.ts'
import { Captioner as AnyCaptioner } from '../../caption/captioner.ts'
import { openRun } from '../../disk/run.ts'
import { nodeEngine } from './engine.ts'
import { PRETRAINED } from './pretrained.ts'

/** A captioner in Node, read from a run's folder. */
export class Captioner extends AnyCaptioner {
  /**
   * Loads a run's folder, by default the captioner that comes with this package. The networks' files are given if they
   * are not where they were when it was trained. Throws UserError if a part is missing or differs from the one it was
   * trained with.
   */
  static async load(folder: string = PRETRAINED, options: CaptionerOptions = {}): Promise<Captioner> {
    const trained = await openRun(folder)
    return new Captioner(nodeEngine, trained, ...(await Captioner.openParts(nodeEngine, trained, options)))
  }
}
