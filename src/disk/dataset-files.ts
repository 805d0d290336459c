import { join } from 'node:path'

/** Where a dataset's features and concepts are. */
export const featuresFolder = (data: string): string => join(data, 'features')
export const conceptsFolder = (data: string): string => join(data, 'concepts')
export const conceptsFile = (data: string): string => join(conceptsFolder(data), 'concepts.jsonl')
