import { LIMITS } from '../models/limits.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import { choice, device, part, positive, text } from './options.ts'

/** `--beam`, of all commands that caption. */
export const BEAM = positive('n', 'beam size; 1 is greedy search', { default: DEFAULT_BEAM, max: LIMITS.beam })

/** `--max-length`, of all commands that caption. */
export const MAX_LENGTH = positive('tokens', 'longest caption, with its end token', {
  default: DEFAULT_MAX_LENGTH,
  max: LIMITS.maxLength,
})

/** `--precision`, of all commands that caption. */
export const PRECISION = choice('name', 'int8: quantise the largest layers, for less time', ['float32', 'int8'], {
  default: 'float32',
})

/** `--device`, of all commands that run models for long. */
export const DEVICE = device(
  'name',
  'what models run on: cpu, webgpu (a GPU by Vulkan, Metal or Direct3D), cuda or cuda:n (default: cpu)',
)

/** Options of commands that extract features with the networks of a run. */
export const NETWORKS = {
  cnn: text('path', 'the CNN of the run, if its file has moved'),
  detector: text('path', 'the object detector of the run, if its file has moved'),
}

/** The `--help` heading of options that only reproduce numbers of the published code. */
export const REPRODUCE = { group: 'To reproduce published numbers' } as const

/** `--shard`, of commands whose work the jobs of an array share out. */
export const SHARD = {
  shard: part('i/n', 'do part i of n; the call that ends last puts the results together', {
    group: 'On several machines',
  }),
}
