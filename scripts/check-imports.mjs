// Checks the imports of src/: which part may import which, no cycles, no engine library outside a host, and that
// nothing a page needs reaches a Node API or a Node package, directly or through other files.
// Usage: node scripts/check-imports.mjs [folder, by default src]
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix, relative, resolve, sep } from 'node:path'
import ts from 'typescript'

const BASE = ['device', 'errors', 'progress', 'random', 'wording']
/** The parts of src/ (a folder, or a file beside the folders) that run in a page, each with the parts it may import. */
const PAGE_PARTS = {
  device: [],
  errors: [],
  progress: [],
  random: [],
  wording: [],
  validate: BASE,
  graph: BASE,
  formats: ['graph', ...BASE],
  onnx: ['graph', 'formats', ...BASE],
  nn: ['graph', 'formats', ...BASE],
  distributed: BASE,
  models: ['nn', 'graph', 'formats', ...BASE],
  text: ['validate', ...BASE],
  annotations: ['validate', ...BASE],
  metrics: ['annotations', 'text', 'validate', ...BASE],
  engine: ['onnx', 'graph', 'formats', ...BASE],
  search: ['engine', 'onnx', 'models', 'nn', 'text', 'graph', 'formats', ...BASE],
  vision: ['engine', 'onnx', 'graph', 'formats', 'validate', ...BASE],
  caption: ['search', 'vision', 'models', 'engine', 'onnx', 'nn', 'text', 'graph', 'formats', 'validate', ...BASE],
  pages: ['caption', 'vision', 'metrics', 'models', 'engine', ...BASE],
}
const IN_A_PAGE = Object.keys(PAGE_PARTS)
const BUT_PAGES = IN_A_PAGE.filter((part) => part !== 'pages')
/** The parts that run in a page alone. */
const WEB_PARTS = {
  'hosts/web': BUT_PAGES,
  page: ['hosts/web', ...IN_A_PAGE],
}
/** The parts that need Node. */
const NODE_PARTS = {
  disk: BUT_PAGES,
  data: ['disk', ...BUT_PAGES],
  evaluation: ['data', 'disk', ...BUT_PAGES],
  report: ['evaluation', 'data', 'disk', ...IN_A_PAGE],
  train: ['report', 'evaluation', 'data', 'disk', ...BUT_PAGES],
  quickstart: ['train', 'evaluation', 'data', 'disk', ...IN_A_PAGE],
  server: ['disk', ...IN_A_PAGE],
  'hosts/node': ['disk', ...IN_A_PAGE],
  index: ['hosts/node', ...IN_A_PAGE],
}
const MAY_IMPORT = { ...PAGE_PARTS, ...WEB_PARTS, ...NODE_PARTS }

/** Parts that others import by their index.ts alone. */
const ONE_DOOR = ['graph']

/** Packages that run in Node alone, beside Node's own modules. */
const NODE_PACKAGES =
  /^(onnxruntime-node|koffi|sharp|tinyglobby|commander|yauzl|prom-client|@hono\/node-server|@fastify\/busboy)(\/|$)/
/** The engine's libraries, by any way of loading them: an import, or a path that `require.resolve` gives. */
const ENGINE = /['"](onnxruntime-node|onnxruntime-web|koffi)(\/\w+)?['"]/
const isNodes = (name) => name.startsWith('node:') || builtinModules.includes(name) || NODE_PACKAGES.test(name)

const root = process.argv[2] ?? 'src'
/** Paths below the root with slashes, on Windows too. */
const slashed = (path) => path.split(sep).join('/')
const files = readdirSync(root, { recursive: true })
  .map(slashed)
  .filter((file) => /\.tsx?$/.test(file))

/** `hosts/node/runtime.ts` belongs to `hosts/node`, `graph/ops/matmul.ts` to `graph`, `errors.ts` to `errors`. */
function partOf(file) {
  const [first, second] = file.split('/')
  return first === 'hosts' ? `${first}/${second}` : first.replace(/\.tsx?$/, '')
}

const mistakes = []
/** What each file imports: files of its own, and names of packages. */
const imports = new Map()
for (const file of files) {
  const text = readFileSync(resolve(root, file), 'utf8')
  const names = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
  const own = names.filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(file), name))
  imports.set(file, { own, packages: names.filter((name) => !name.startsWith('.')) })
  const part = partOf(file)
  for (const to of own)
    if (part !== 'cli' && partOf(to) !== part && !MAY_IMPORT[part]?.includes(partOf(to)))
      mistakes.push(`${file} imports ${to}: ${part} may import ${MAY_IMPORT[part]?.join(', ') || 'nothing'}`)
  for (const to of own)
    if (ONE_DOOR.includes(partOf(to)) && partOf(to) !== part && !to.endsWith('/index.ts'))
      mistakes.push(`${file} imports ${to}: other parts import ${partOf(to)}/index.ts`)
  const engine = part.startsWith('hosts/') ? null : ENGINE.exec(text)
  if (engine) mistakes.push(`${file} names ${engine[1]}: the hosts alone know the engine`)
}

/** The chain of imports from a file to the first Node module, or undefined; `seen` are files known to reach none. */
function chainToNode(file, seen) {
  if (seen.has(file)) return undefined
  seen.add(file)
  const { own = [], packages = [] } = imports.get(file) ?? {}
  const found = packages.find(isNodes)
  if (found !== undefined) return [file, found]
  for (const to of own) {
    const chain = chainToNode(to, seen)
    if (chain) return [file, ...chain]
  }
  return undefined
}
for (const file of files.filter((each) => partOf(each) in PAGE_PARTS || partOf(each) in WEB_PARTS)) {
  const chain = chainToNode(file, new Set())
  if (chain) mistakes.push(`${chain.join(' imports ')}: ${partOf(file)} must run in a page`)
}

const done = new Set()
function findCycle(file, path) {
  if (path.includes(file)) mistakes.push(`${[...path.slice(path.indexOf(file)), file].join(' imports ')}: a cycle`)
  else if (!done.has(file)) for (const to of imports.get(file)?.own ?? []) findCycle(to, [...path, file])
  done.add(file)
}
for (const file of files) findCycle(file, [])

for (const mistake of mistakes) console.error(mistake)
console.log(`${files.length} files in ${relative('.', root) || '.'}: ${mistakes.length} wrong imports`)
process.exitCode = mistakes.length > 0 ? 1 : 0
