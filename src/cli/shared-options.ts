import { positive, text } from './options.ts'

/** `--beam`, of all commands that caption. */
export const BEAM = positive('n', 'beam size; 1 is greedy search', { default: 3, max: 10_000 })

/** `--max-length`, of all commands that caption. */
export const MAX_LENGTH = positive('tokens', 'longest caption, with its end token', { default: 20, max: 1000 })

/** Options of commands that extract features with the networks of a run. */
export const NETWORKS = {
  cnn: text('path', 'the CNN of the run, if its file has moved'),
  detector: text('path', 'the object detector of the run, if its file has moved'),
}

/** The `--help` heading of options that only reproduce numbers of the published code. */
export const REPRODUCE = { group: 'To reproduce published numbers' } as const
