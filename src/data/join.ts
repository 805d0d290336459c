import { dirname, relative, resolve, sep } from 'node:path'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { Dataset, type ImageEntry, writeDataset } from './dataset.ts'
import { type PrepareSummary, summarise, tokenLists } from './prepare.ts'

/** Options of joinDatasets(). */
export interface JoinOptions extends Watch {
  /** the folders of prepared datasets, at least two */
  readonly data: readonly string[]
  /** the dataset folder to write */
  readonly out: string
  /** words with fewer occurrences in the training captions of all become `<unk>`; default: 5 */
  readonly minCount?: number | undefined
}

/**
 * Joins prepared datasets to one: their images with their splits and captions, and the vocabulary of all training
 * captions. Each image keeps the name of its dataset, so that validation and tests tell the datasets apart. If an id
 * occurs in several datasets, the later image gets the name of its dataset before its id. Throws UserError if two
 * datasets have the same name, or the same picture, which might be in the training split of one and in the validation
 * split of the other.
 */
export async function joinDatasets({ data, out, minCount = 5, signal }: JoinOptions): Promise<PrepareSummary> {
  const datasets: Dataset[] = []
  for (const folder of data) datasets.push(await Dataset.open(folder, signal && { signal }))
  const names = datasets.map(({ header }) => header.name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new UserError(
      `Cannot join ${data.map((folder) => `"${folder}"`).join(' and ')}: two of them are called "${twice}"; ` +
        'give each dataset once',
    )
  const imageRoot = commonFolder(datasets.map(({ header }) => resolve(header.imageRoot)))
  const images = datasets.flatMap((dataset) => dataset.images.map((image) => joined(dataset, image, imageRoot)))
  const vocabulary = Vocabulary.build(tokenLists(images.filter(({ split }) => split === 'train')), { minCount })
  const name = names.join('+')
  const problems = datasets.flatMap(({ header }) => header.problems.map((problem) => `${header.name}: ${problem}`))
  const files = datasets.flatMap(({ header }) => header.source.files)
  await writeDataset(out, {
    name,
    source: { kind: 'join', files },
    imageRoot,
    problems,
    images: withUniqueIds(images),
    vocabulary,
  })
  return { name, ...summarise(images, vocabulary), problems }
}

/** An image under the root of all datasets. */
function joined(dataset: Dataset, image: ImageEntry, imageRoot: string): ImageEntry {
  const file = relative(imageRoot, resolve(dataset.imagePath(image)))
    .split(sep)
    .join('/')
  return { ...image, file, dataset: image.dataset ?? dataset.header.name }
}

/** The images with unique ids. Throws UserError for a picture that is there twice. */
function withUniqueIds(images: readonly ImageEntry[]): ImageEntry[] {
  const ids = new Set<string>()
  const byFile = new Map<string, ImageEntry>()
  return images.map((image) => {
    const other = byFile.get(image.file)
    if (other)
      throw new UserError(
        `Cannot join: the picture "${image.file}" is in the ${other.split} split of "${other.dataset}" and in the ` +
          `${image.split} split of "${image.dataset}"; remove it from one`,
      )
    byFile.set(image.file, image)
    const id = ids.has(image.id) ? `${image.dataset}-${image.id}` : image.id
    ids.add(id)
    return { ...image, id }
  })
}

/** The deepest folder that holds all of the folders. */
function commonFolder([first, ...others]: readonly string[]): string {
  let folder = first!
  const holds = (path: string): boolean =>
    path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
  while (!others.every(holds) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}
