// The largest differences between our scores and the original scorers': tsx bench/metric-parity.ts <folder of golden files>. Prints a Markdown table.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, scorePairs } from '../src/metrics/index.ts'
import { captionTokens } from '../src/text/ptb.ts'

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
      const theirs = name === 'METEOR' ? 'METEOR_exact_stem_synonym' : name
      if (golden.scores[theirs] === undefined) continue
      const most = Math.max(...each.map((score, i) => Math.abs(score - golden.per_image[images[i]!]![theirs]!)))
      cells.set(name, `${Math.abs(corpus - golden.scores[theirs]!).toExponential(0)} / ${most.toExponential(0)}`)
    }
  names = [...cells.keys()]
  rows.push([file.replace('.json', ''), `${images.length}`, ...cells.values()])
}
for (const row of [['file', 'images', ...names], ['---', ...Array(names.length + 1).fill('---:')], ...rows])
  console.log(`| ${row.join(' | ')} |`)
