import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { spiceJar } from '../../src/cli/spice-jar.ts'
import type { Metric } from '../../src/metrics/index.ts'
import { temporaryFolder } from '../support/folder.ts'

/** Puts a `java` on the PATH that answers like the jar: F is the number of words of the candidate divided by 100. */
async function fakeJava(body: string): Promise<{ jar: string }> {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'java'), `#!${process.execPath}\n${body}`)
  await chmod(join(folder, 'java'), 0o755)
  await writeFile(join(folder, 'spice-1.0.jar'), '')
  setPath(folder)
  return { jar: join(folder, 'spice-1.0.jar') }
}

function setPath(path: string): void {
  const before = process.env.PATH
  process.env.PATH = path
  onTestFinished(() => {
    process.env.PATH = before
  })
}

const answer = `
const { readFileSync, writeFileSync } = require('node:fs')
const options = process.argv.slice(2)
const all = JSON.parse(readFileSync(options[3], 'utf8'))
const f = (value) => ({ pr: 1, re: 1, f: value })
const scores = ({ test, refs }) => ({ All: f(test.split(' ').length / 100), Object: f(refs.length / 10), Color: { f: 7.5 } })
const out = all.reverse().map((each) => ({ image_id: each.image_id, scores: scores(each) }))
writeFileSync(options[options.indexOf('-out') + 1], JSON.stringify(out).replace('7.5', 'NaN'))`

describe('spiceJar()', () => {
  const captions = [[['a', 'dog'], ['dog']], [['a', 'cat']]]
  const score = (jar: string) =>
    (spiceJar(jar).load({}) as Metric).prepare(captions).score([['a', 'dog', 'runs'], ['cats']])

  test('returns the scores of the jar, with the arguments of coco-caption, image by image', async () => {
    const { jar } = await fakeJava(answer)
    const found = score(jar)
    expect(found.get('SPICE')!).toMatchObject({ corpus: 0.02, each: [0.03, 0.01] })
    expect(found.get('SPICE_object')!.each).toEqual([0.2, 0.1])
    expect(found.get('SPICE_color')!.each).toEqual([7.5, Number.NaN])
    expect(found.get('SPICE_size')!.each).toEqual([Number.NaN, Number.NaN])
  })

  test('names what is missing or failed', async () => {
    expect(() => score('/nowhere/spice.jar')).toThrow('Cannot use SPICE "/nowhere/spice.jar": there is no such file')
    const { jar } = await fakeJava(`console.error('a\\nOut of memory'); process.exit(3)`)
    expect(() => score(jar)).toThrow('it failed with "Out of memory"')
    setPath(await temporaryFolder())
    expect(() => score(jar)).toThrow(
      'there is no "java" on the PATH; install Java 8, or use SPICE-ts, which needs none',
    )
  })
})
