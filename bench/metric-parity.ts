// Prints a Markdown table of the largest differences between our scores and the original scorers'.
// Usage: tsx bench/metric-parity.ts <folder of golden files>
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, scorePairs } from '../src/metrics/index.ts'
import { captionTokens } from '../src/text/ptb.ts'

/** A golden file: the original scorers' values for raw captions. */
interface Golden {
  readonly scores: Record<string, number>
  readonly per_image: Record<string, Record<string, number>>
  readonly refs: Record<string, string[]>
  readonly cands: Record<string, string[]>
}

const folder = process.argv[2]!
const rows: string[][] = []
let names: string[] = []
for (const file of readdirSync(folder)) {
  const golden: Golden = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const images = Object.keys(golden.per_image)
  const pairs = images.map((image) => ({
    candidate: captionTokens(golden.cands[image]![0]!),
    references: golden.refs[image]!.map(captionTokens),
  }))
  const cells = new Map<string, string>()
  for (const family of FAMILIES)
    for (const [name, { corpus, each }] of scorePairs(await family.load({}), pairs)) {
      const original = name === 'METEOR' ? 'METEOR_exact_stem_synonym' : name
      if (golden.scores[original] === undefined) continue
      const most = Math.max(...each.map((score, i) => Math.abs(score - golden.per_image[images[i]!]![original]!)))
      cells.set(name, `${Math.abs(corpus - golden.scores[original]!).toExponential(0)} / ${most.toExponential(0)}`)
    }
  names = [...cells.keys()]
  rows.push([file.replace('.json', ''), `${images.length}`, ...cells.values()])
}
for (const row of [['file', 'images', ...names], ['---', ...Array(names.length + 1).fill('---:')], ...rows])
  console.log(`| ${row.join(' | ')} |`)
