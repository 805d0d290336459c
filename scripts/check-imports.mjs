// Checks in which direction the parts of src/ import each other, that no files import each other in a circle, that what
// must run in a page imports nothing of Node, and that one file alone knows the engine.
// Usage: node scripts/check-imports.mjs [folder, by default src]
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const base = ['errors', 'progress', 'random', 'wording']
/** A part (a folder of src/, or a file beside them) and the parts it may import beside itself; cli may import all. */
const may = {
  errors: [],
  progress: [],
  random: [],
  wording: [],
  validate: base,
  files: base,
  cache: ['files', ...base],
  graph: base,
  runtime: ['graph', 'files', ...base],
  nn: ['graph', ...base],
  models: ['nn', 'graph', ...base],
  text: ['validate', ...base],
  metrics: ['text', 'validate', ...base],
  data: ['runtime', 'text', 'validate', 'files', ...base],
  vision: ['runtime', 'graph', 'validate', 'files', 'cache', ...base],
  decode: ['models', 'nn', 'runtime', 'graph', 'text', ...base],
}
may.train = Object.keys(may)
may.photos = Object.keys(may)
may.quickstart = Object.keys(may)
may.index = Object.keys(may)
const runsInAPage = new Set([
  'errors',
  'progress',
  'random',
  'wording',
  'validate',
  'graph',
  'nn',
  'models',
  'decode',
  'text',
  'metrics',
])
const node = /^(node:|onnxruntime|sharp$)/

const root = process.argv[2] ?? 'src'
const files = readdirSync(root, { recursive: true }).filter((file) => file.endsWith('.ts'))
const part = (file) => file.split('/')[0].replace(/\.ts$/, '')
const imported =
  /^(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
const mistakes = []
const graph = new Map()

for (const file of files) {
  const all = [...readFileSync(join(root, file), 'utf8').matchAll(imported)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  )
  const own = all.filter((name) => name.startsWith('.')).map((name) => join(dirname(file), name))
  graph.set(file, own)
  const from = part(file)
  for (const to of own)
    if (from !== 'cli' && part(to) !== from && !may[from]?.includes(part(to)))
      mistakes.push(`${file} imports ${to}: ${from} may import ${may[from]?.join(', ') || 'nothing'}`)
  for (const name of all) {
    if (runsInAPage.has(from) && node.test(name))
      mistakes.push(`${file} imports ${name}: ${from} must run in a page too`)
    if (name === 'onnxruntime-node' && !/^runtime\/node[^/]*\.ts$/.test(file))
      mistakes.push(`${file} imports onnxruntime-node: runtime/node.ts alone may`)
  }
}

const done = new Set()
function findCircle(file, path) {
  if (path.includes(file)) mistakes.push(`${[...path.slice(path.indexOf(file)), file].join(' imports ')}: a circle`)
  else if (!done.has(file)) for (const to of graph.get(file) ?? []) findCircle(to, [...path, file])
  done.add(file)
}
for (const file of files) findCircle(file, [])

for (const mistake of mistakes) console.error(mistake)
console.log(`${files.length} files in ${relative('.', root)}: ${mistakes.length} wrong imports`)
process.exitCode = mistakes.length > 0 ? 1 : 0
