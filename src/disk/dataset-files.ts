import { join } from 'node:path'

/** The folder of a dataset's features. */
export const featuresFolder = (data: string): string => join(data, 'features')
/** The folder of a dataset's concept detector and of the concepts it found. */
export const conceptsFolder = (data: string): string => join(data, 'concepts')
/** The file with the concepts of each image of a dataset, in JSON Lines. */
export const conceptsFile = (data: string): string => join(conceptsFolder(data), 'concepts.jsonl')
