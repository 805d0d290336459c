import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readReferences, readResults } from '../../src/annotations/captions.ts'
import { parseAnnotations } from '../../src/annotations/file.ts'

const page = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8')

/** The JSON examples of the table under a heading of docs/formats.md. */
function examplesOf(heading: string): string[] {
  const section = page.split(`### ${heading}\n`)[1]!.split('\n#')[0]!
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  return rows.flatMap((row) => [...row.matchAll(/`([{[][^`]*)`/g)].map(([, json]) => json!))
}

describe('the examples of docs/formats.md', () => {
  const results = examplesOf('Results')
  const references = examplesOf('References')

  test('are found', () => {
    expect([results.length, references.length]).toEqual([10, 9])
  })

  test.each(results)('results %s', (json) => {
    const { images } = readResults(parseAnnotations(json, 'results'), { several: false, emptyAsZero: false })
    expect([...images.values()].map(({ captions }) => captions)).toEqual([['a dog']])
  })

  test.each(references)('references %s', (json) => {
    const { images } = readReferences(parseAnnotations(json, 'references'))
    const [captions] = [...images.values()].map((image) => image.captions)
    expect(captions![0]).toBe('a dog')
    expect(images.size).toBe(1)
  })
})
