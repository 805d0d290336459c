import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mia } from '../cli/mia.ts'
import { temporaryFolder } from '../support/folder.ts'

// Files of the field with the scores of the original Python scorers and of METEOR 1.5 in Java.
const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))

const CONTROL = { Bleu_1: 0.8929, Bleu_4: 0.4321, METEOR: 0.2984, ROUGE_L: 0.6669, CIDEr: 1.822 }
type Scores = Readonly<Record<string, number>>

interface Summary {
  readonly scores: readonly { readonly name: string; readonly score: number }[]
  readonly notes: readonly string[]
  readonly forms: { readonly references: string; readonly results: string }
}

const run = (folder: string, results: string, references = 'references.json', ...more: string[]) =>
  mia([
    'eval',
    '--references',
    join(cases, folder, references),
    '--results',
    join(cases, folder, results),
    '--json',
    '--quiet',
    ...more,
  ])

/** Runs a case that must score, compares its scores, and returns its notes and forms. */
async function score(scores: Scores, ...of: Parameters<typeof run>): Promise<Summary> {
  const { status, stdout, stderr } = await run(...of)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const summary = JSON.parse(stdout) as Summary
  for (const [name, value] of Object.entries(scores)) {
    const found = summary.scores.find((each) => each.name === name)!.score
    expect(Math.abs(found - value), `${name} ${found}`).toBeLessThan(1e-4)
  }
  return summary
}

/** Runs a case that must fail, and returns its one line on stderr. */
async function complaint(...of: Parameters<typeof run>): Promise<string> {
  const { status, stdout, stderr } = await run(...of)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach the terminal
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]|Internal error/)
  return stderr
}

describe.skipIf(!existsSync(cases))('eval, with the files of the field (needs ../shared)', () => {
  test('emoji-variation-selector: U+FE0F, U+301C and emoji above U+FFFF are no words', async () => {
    await score({ Bleu_1: 0.9333, Bleu_4: 0.8922, ROUGE_L: 0.969 }, 'emoji-variation-selector', 'results.json')
  })

  test('control', async () => {
    const { notes, forms } = await score(CONTROL, 'control', 'results.json')
    expect({ notes, forms }).toEqual({
      notes: [],
      forms: { references: 'COCO annotations', results: 'list of {image_id, caption}' },
    })
  })

  test.each([
    ['ids-as-text', 'padded.json', 'Image ids are matched as numbers, without leading zeros: 000000391895 is 391895.'],
    [
      'ids-as-text',
      'file-names.json',
      'Image ids are matched by file name, without folders and ending: COCO_val2014_000000391895.jpg is 391895.',
    ],
    [
      'caption-json-into-eval',
      'captions.json',
      'Image ids are matched by file name, without folders and ending: photos/COCO_val2014_000000391895.jpg is 391895.',
    ],
  ])('%s: %s', async (folder, file, note) => {
    expect((await score(CONTROL, folder, file)).notes).toEqual([note])
  })

  test.each([
    ['results-as-map', 'map.json', 'map from id to caption'],
    ['results-as-map', 'map-of-lists.json', 'map from id to list of captions'],
    ['results-as-map', 'one-key-entries.json', 'list of {id: caption}'],
    ['results-as-map', 'caption-lists.json', 'list of {image_id, caption}'],
    ['nan-in-json', 'results.json', 'list of {image_id, caption}'],
    ['json-lines-results', 'results.jsonl', 'JSON Lines of {image_id, caption}'],
    ['gzipped-results', 'results.json.gz', 'list of {image_id, caption}, gzip'],
    ['utf-16-results', 'results.json', 'list of {image_id, caption}, UTF-16LE'],
  ])('%s: %s', async (folder, file, form) => {
    const { notes, forms } = await score(CONTROL, folder, file)
    expect({ notes, results: forms.results }).toEqual({ notes: [], results: form })
  })

  test('results-as-map: references may be such a map', async () => {
    const map = join(cases, 'results-as-map', 'map-of-lists.json')
    const { stdout } = await mia(['eval', '--references', map, '--results', map, '--json', '--metrics', 'Bleu_1'])
    expect((JSON.parse(stdout) as Summary).scores[0]!.score).toBeCloseTo(1, 6)
  })

  test('ids-beyond-2-53', async () => {
    const perImage = join(await temporaryFolder(), 'per-image.json')
    const scores = { Bleu_4: 0.5199, ROUGE_L: 0.8469, CIDEr: 3.336 }
    await score(scores, 'ids-beyond-2-53', 'results.json', 'references.json', '--per-image', perImage)
    const text = readFileSync(perImage, 'utf8')
    for (const id of ['6678090646845985471', '6678090646845985472', '1234567890123456789']) expect(text).toContain(id)
  })

  test('latin1-results', async () => {
    const line = await complaint('latin1-results', 'results.json')
    expect(line).toMatch(/results ".*results\.json": it is not UTF-8 \(byte 0xe9 in line 1\); convert it/)
  })

  test('control-characters', async () => {
    expect(await complaint('control-characters', 'results.json')).toMatch(/results\.json".*\\x1b\[31m\\x1b\]0/)
    expect(await complaint('control-characters', 'other-ids.json')).toMatch(/\(\\x1b\[31mred\\x07\).*ids like 391895/)
  })

  test('chinese-without-spaces', async () => {
    const { notes } = await score({ Bleu_4: 0, ROUGE_L: 0, CIDEr: 0 }, 'chinese-without-spaces', 'results.json')
    expect(notes[0]).toMatch(
      /^There are 3 of 3 captions in the results and 6 of 6 captions in the references without spaces.*segment/,
    )
  })

  test('leftover-tokens', async () => {
    const { notes } = await score({ Bleu_1: 0.625, CIDEr: 1.0319 }, 'leftover-tokens', 'results.json')
    expect(notes).toEqual([
      'There are 3 of 3 captions in the results with leftover tokens (<start>, <end>, <pad>), which count as words ' +
        'and lower the scores: remove them.',
    ])
  })

  test.each([
    ['objects.json', CONTROL, 'map from id to list of {caption}'],
    ['rows.json', CONTROL, 'list of {image_id, caption}'],
    ['text.json', { Bleu_4: 0.1595, CIDEr: 1.6512 }, 'map from id to caption'],
    ['blip.json', CONTROL, 'list of {image, caption}'],
  ])('references-forms: %s', async (file, scores, form) => {
    const { forms } = await score(scores, 'references-forms', 'results.json', file)
    expect(forms.references).toBe(form)
  })

  test('null-reference-caption', async () => {
    const { notes } = await score({ Bleu_4: 0.4321, CIDEr: 1.9634 }, 'null-reference-caption', 'results.json')
    expect(notes).toEqual([expect.stringMatching(/^Left out 1 caption of the references ".*": null or empty\.$/)])
  })

  test.each([[[]], [['--subset']]])('image-without-captions %s', async (options) => {
    const { notes } = await score(CONTROL, 'image-without-captions', 'results.json', 'references.json', ...options)
    expect(notes).toEqual(['Left out 1 image without references: 7.'])
  })

  test('vizwiz-rejected', async () => {
    const { notes } = await score(CONTROL, 'vizwiz-rejected', 'results.json')
    expect(notes).toEqual([
      expect.stringMatching(/^Left out \d captions? of the references ".*" marked as rejected or precanned/),
    ])
  })
})
