import { createHash } from 'node:crypto'
import { cp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeSmallWorld } from '../../test/cli/small-world.ts'
import { mia, node, type Started, type StartOptions } from './processes.ts'

/** A long command on a small dataset. */
export interface LongCommand {
  readonly name: string
  /** Starts it in the folder of makeWorld(), after the commands before it. */
  start(folder: string, options?: StartOptions): Started
  /** what it writes, below the folder */
  readonly writes: string
  /** files whose content may differ, such as logs with times */
  readonly varies?: RegExp
  /** whether it refuses a folder that is complete */
  readonly once?: true
}

const TRAINING = '--batch-size 10 --captions-per-image 2 --beam 2'
const SMALL = `--hidden-size 32 --num-heads 2 --inner-size 32 --attention-size 8 ${TRAINING}`
/** Logs and pages of a run have times in them; the names of event files, too. */
const TIMES = /(^|\/)(log\.jsonl|results\.csv|report\.html|events\.out\.tfevents[^/]*)$/

const command = (name: string, line: string, writes: string, rest: Partial<LongCommand> = {}): LongCommand => ({
  name,
  writes,
  ...rest,
  start: (folder, options) =>
    mia(
      line.split(' ').map((part) => (part.startsWith('@') ? join(folder, part.slice(2)) : part)),
      options,
    ),
})

const script = (name: string, writes: string, rest: Partial<LongCommand> = {}): LongCommand => ({
  name,
  writes,
  ...rest,
  start: (folder, options) =>
    node([fileURLToPath(new URL(`children/${name}.ts`, import.meta.url)), join(folder, writes)], options),
})

/** Every long command, each after those that it needs. */
export const LONG_COMMANDS: readonly LongCommand[] = [
  command('prepare', 'prepare flickr8k --root @/ --min-count 2 --out @/data', 'data'),
  command('features', 'features --data @/data --cnn @/network.onnx --augmentations 1', 'data/features'),
  command('concepts-train', 'concepts train --data @/data --words @/colours.txt --epochs 6', 'data/concepts', {
    varies: TIMES,
  }),
  command('concepts-detect', 'concepts detect --data @/data', 'data/concepts'),
  command('train', `train --data @/data --mia ${SMALL} --epochs 6 --out @/run`, 'run', { varies: TIMES }),
  command(
    'self-critical',
    `train --data @/data ${TRAINING} --objective self-critical --from @/run --epochs 3 --out @/critical`,
    'critical',
    { varies: TIMES },
  ),
  command('cnn-tune', 'cnn tune --cnn @/network.onnx --data @/data --epochs 6 --out @/tuned', 'tuned'),
  command('test', 'test --run @/run --split val --beam 2', 'run/results'),
  command('caption', 'caption --run @/run @/images --write csv --out @/captions.csv --skip-existing', 'captions.csv'),
  command('export', 'export --run @/run --out @/exported', 'exported', { once: true }),
  command('card', 'card --run @/run --out @/card --terms Free.', 'card'),
  script('coco', 'coco'),
  script('quickstart', 'quickstart', {
    varies: /(^|\/)(log\.jsonl|results\.csv|report\.html|[^/]*tfevents[^/]*|index\.html)$/,
  }),
]

/** Makes the folder that the first command starts in. */
export const makeWorld: (folder: string) => Promise<void> = makeSmallWorld

/** Makes a folder a copy of another. */
export async function restore(copy: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await cp(copy, folder, { recursive: true })
}

/** The content of every file below a folder by its path, as SHA-256; of files that vary, nothing. */
export async function contentOf(folder: string, varies: RegExp | undefined): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = new Map<string, string>()
  for (const entry of names) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(folder.length + 1)
    if (/tfevents/.test(name)) continue // their names have a time
    found.set(
      name,
      varies?.test(name)
        ? ''
        : createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
    )
  }
  return found
}

/** What of two contents differs, as in `run/weights.safetensors has other bytes`. */
export function differences(right: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  const names = [...new Set([...right.keys(), ...found.keys()])].sort()
  return names.flatMap((name) => {
    const [a, b] = [right.get(name), found.get(name)]
    if (a === b) return []
    return [
      a === undefined ? `${name} is left over` : b === undefined ? `${name} is missing` : `${name} has other bytes`,
    ]
  })
}
