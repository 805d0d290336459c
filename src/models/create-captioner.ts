import type { CaptionerConfig } from './config.ts'
import type { CaptionModel } from './contract.ts'
import { LstmCaptioner } from './lstm/captioner.ts'
import { Transformer } from './transformer/captioner.ts'
import { UpDown } from './updown/captioner.ts'

/** The captioner that a configuration describes. The one place that knows all kinds of captioners. */
export function createCaptioner(config: CaptionerConfig): CaptionModel {
  const { basicModel } = config
  if (basicModel === 'Transformer') return new Transformer(config)
  if (basicModel === 'UpDown') return new UpDown(config)
  return new LstmCaptioner({ ...config, basicModel })
}
