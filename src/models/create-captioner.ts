import { Scope } from '../nn/scope.ts'
import type { CaptionerConfig } from './config.ts'
import type { CaptionModel } from './contract.ts'
import { LstmCaptioner } from './lstm/captioner.ts'
import { Transformer } from './transformer/captioner.ts'
import { UpDown } from './updown/captioner.ts'

/**
 * The captioner that a configuration describes, with its parameters in `scope`. The one place that knows all kinds of
 * captioners.
 */
export function createCaptioner(config: CaptionerConfig, scope = new Scope()): CaptionModel {
  const { basicModel } = config
  if (basicModel === 'Transformer') return new Transformer(config, scope)
  if (basicModel === 'UpDown') return new UpDown(config, scope)
  return new LstmCaptioner({ ...config, basicModel }, scope)
}
