import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import type { Family, Metric, MetricName, Score, Tokens } from '../metrics/index.ts'
import { checkCandidates, checkReferences, meanScore } from '../metrics/metric.ts'

/** The names of the scores by those in the output of the jar. */
const CATEGORIES = {
  All: 'SPICE',
  Object: 'SPICE_object',
  Relation: 'SPICE_relation',
  Attribute: 'SPICE_attribute',
  Color: 'SPICE_color',
  Cardinality: 'SPICE_count',
  Size: 'SPICE_size',
} as const satisfies Record<string, MetricName>
const NAMES = Object.values(CATEGORIES)

/**
 * The official SPICE (Anderson et al., ECCV 2016), computed by its jar with the user's Java, with the arguments of
 * coco-caption. Throws UserError if either is missing or fails.
 */
export function spiceJar(jar: string): Family {
  return { name: 'spice', scores: NAMES, usual: NAMES, load: () => metricOf(jar) }
}

function metricOf(jar: string): Metric {
  if (!existsSync(jar))
    throw new UserError(
      `Cannot use SPICE "${jar}": there is no such file; give the path of spice-1.0.jar, next to its lib folder`,
    )
  return {
    names: NAMES,
    choices: 'official:spice-1.0.jar',
    best: 1,
    prepare(references) {
      checkReferences(references)
      return {
        score(candidates) {
          checkCandidates(candidates, references.length)
          const results = run(jar, references, candidates)
          return new Map<MetricName, Score>(
            Object.entries(CATEGORIES).map(([category, name]) => [
              name,
              meanScore(results.map((scores) => scores[category]?.f ?? NaN)),
            ]),
          )
        },
      }
    },
  }
}

type Results = readonly Readonly<Record<string, { readonly f: number | null }>>[]

/** Runs the jar; returns the scores of each image, in order. */
function run(jar: string, references: readonly (readonly Tokens[])[], candidates: readonly Tokens[]): Results {
  const folder = mkdtempSync(join(tmpdir(), 'mia-spice-'))
  try {
    const [input, output, cache] = ['in.json', 'out.json', 'cache'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    mkdirSync(cache)
    const text = (tokens: Tokens): string => tokens.join(' ')
    writeFileSync(
      input,
      JSON.stringify(candidates.map((test, i) => ({ image_id: i, test: text(test), refs: references[i]!.map(text) }))),
    )
    const options = ['-jar', '-Xmx8G', resolve(jar), input, '-cache', cache, '-out', output, '-subset', '-silent']
    execFileSync('java', options, { stdio: ['ignore', 'ignore', 'pipe'] })
    const all = JSON.parse(readFileSync(output, 'utf8').replace(/\bNaN\b/g, 'null')) as {
      image_id: number
      scores: Results[0]
    }[]
    return all.toSorted((a, b) => a.image_id - b.image_id).map(({ scores }) => scores)
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Uint8Array }
    if (code === 'ENOENT')
      throw new UserError(
        `Cannot run SPICE "${jar}": there is no "java" on the PATH; install Java 8, or use SPICE-ts, which needs none`,
      )
    const message = stderr ? new TextDecoder().decode(stderr).trim().split('\n').at(-1) : (error as Error).message
    throw new UserError(
      `Cannot run SPICE "${jar}": it failed with "${message}"; it needs Java 8, 8 GB of memory and its lib folder`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
