import {
  type RepresentedImages,
  type RepresentOptions,
  representImages as represent,
} from '../../caption/representations.ts'
import { openRun } from '../../disk/run.ts'
import type { ImageInput } from '../../engine/pictures.ts'
import { nodeEngine } from './engine.ts'

/** The semantic-grounded representations of images by a run with MIA. Throws UserError for a run without. */
export const representImages = async (
  folder: string,
  images: readonly ImageInput[],
  options?: RepresentOptions,
): Promise<RepresentedImages> => represent(nodeEngine, await openRun(folder), images, options)
