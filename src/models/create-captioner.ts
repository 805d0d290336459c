import type { CaptionerConfig } from './config.ts'
import type { CaptionModel } from './contract.ts'
import { LstmCaptioner } from './lstm/captioner.ts'

/** The captioner that a configuration describes. The one place that knows all kinds of captioners. */
export const createCaptioner = (config: CaptionerConfig): CaptionModel => new LstmCaptioner(config)
