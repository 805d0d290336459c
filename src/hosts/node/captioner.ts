import type { CaptionerOptions } from '../../caption/caption-options.ts'
import { Captioner as AnyCaptioner } from '../../caption/captioner.ts'
import { CPU, type Device } from '../../device.ts'
import { openRun } from '../../disk/run.ts'
import { engineOn } from './engine.ts'
import { PRETRAINED } from './pretrained.ts'

/** Options for opening a captioner in Node. */
export interface NodeCaptionerOptions extends CaptionerOptions {
  /** the device that its models run on, by default the processor */
  readonly device?: Device
}

/** A captioner in Node, read from a run's folder. */
export class Captioner extends AnyCaptioner {
  /**
   * Loads a run's folder, by default the captioner that comes with this package, or the folders of several runs that
   * say each word together. The networks' files are given if they are not where they were when it was trained. Throws
   * UserError if a part is missing or differs from the one it was trained with, for runs that do not fit together, and
   * for a device that cannot be used.
   */
  static async load(
    folder: string | readonly string[] = PRETRAINED,
    { device = CPU, ...options }: NodeCaptionerOptions = {},
  ): Promise<Captioner> {
    const engine = engineOn(device)
    const members = await Promise.all([folder].flat().map((each) => openRun(each)))
    return new Captioner(engine, await Captioner.openParts(engine, members, options))
  }
}
