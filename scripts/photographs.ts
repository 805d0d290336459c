/*
 * Writes what the pretrained captioner was trained on as two files in Karpathy's form: coco-more.json, the captioned
 * pictures of a folder with the machine captions that there are for its training pictures, and coco-held-out.json,
 * every 15th of its COCO training pictures with five captions, to validate on: its own validation part has 93.
 * Usage: npx tsx scripts/photographs.ts ../shared/data/coco-more data
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { readJson, readLines, writeFileAtomic } from '../src/disk/files.ts'
import { UserError } from '../src/errors.ts'
import { validate } from '../src/validate.ts'

const HELD_OUT_EVERY = 15
const CAPTIONS = 5
const DATASET = v.object({
  images: v.array(
    v.looseObject({
      cocoid: v.optional(v.number()),
      split: v.string(),
      sentences: v.array(v.looseObject({ raw: v.string() })),
    }),
  ),
})
const MACHINE_CAPTION = v.object({ cocoid: v.number(), caption: v.string() })

const [folder, out] = process.argv.slice(2)
if (folder === undefined || out === undefined)
  throw new UserError(
    'Give the folder and where to write: npx tsx scripts/photographs.ts ../shared/data/coco-more data',
  )
const advice = 'give the folder that has dataset.json and machine-captions.jsonl'
const path = join(folder, 'dataset.json')
const { images } = validate(DATASET, await readJson(path, 'captions'), path, advice)
const machine = new Map<number, string>()
const machinePath = join(folder, 'machine-captions.jsonl')
for await (const line of readLines(machinePath, 'machine captions')) {
  if (line === '') continue
  const { cocoid, caption } = validate(MACHINE_CAPTION, JSON.parse(line), machinePath, advice)
  machine.set(cocoid, caption)
}

const candidates = images.filter(
  ({ split, cocoid, sentences }) => split === 'train' && cocoid !== undefined && sentences.length >= CAPTIONS,
)
const heldOut = new Set(candidates.filter((_, i) => i % HELD_OUT_EVERY === 0))
const described = images
  .filter((image) => !heldOut.has(image))
  .map((image) => {
    const caption = image.split === 'train' && image.cocoid !== undefined ? machine.get(image.cocoid) : undefined
    return caption === undefined ? image : { ...image, sentences: [...image.sentences, { raw: caption }] }
  })
const write = (name: string, chosen: readonly object[]): Promise<void> =>
  writeFileAtomic(join(out, `${name}.json`), JSON.stringify({ dataset: name, images: chosen }))
await write('coco-more', described)
await write(
  'coco-held-out',
  [...heldOut].map((image) => ({ ...image, split: 'val' })),
)
process.stdout.write(`${described.length} images and ${heldOut.size} to validate on, in ${out}\n`)
