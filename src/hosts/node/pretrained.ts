import { fileURLToPath } from 'node:url'

/** The folder of the captioner that comes with this package: a run's, without what only training needs. */
export const PRETRAINED = fileURLToPath(new URL('../../../pretrained', import.meta.url))
