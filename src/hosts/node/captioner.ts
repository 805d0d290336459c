import type { CaptionerOptions } from '../../caption/caption-options.ts'
import { Captioner as AnyCaptioner } from '../../caption/captioner.ts'
import { openRun } from '../../disk/run.ts'
import { nodeEngine } from './engine.ts'
import { PRETRAINED } from './pretrained.ts'

/** A captioner in Node, read from a run's folder. */
export class Captioner extends AnyCaptioner {
  /**
   * Loads a run's folder, by default the captioner that comes with this package, or the folders of several runs that
   * say each word together. The networks' files are given if they are not where they were when it was trained. Throws
   * UserError if a part is missing or differs from the one it was trained with, and for runs that do not fit together.
   */
  static async load(
    folder: string | readonly string[] = PRETRAINED,
    options: CaptionerOptions = {},
  ): Promise<Captioner> {
    const members = await Promise.all([folder].flat().map((each) => openRun(each)))
    return new Captioner(nodeEngine, await Captioner.openParts(nodeEngine, members, options))
  }
}
