// Builds the page into dist/web: a folder that any host serves, also from a subfolder. `--model RUN` takes the captioner
// of a run, by default the pretrained one, and `--without-mia RUN` the same model trained without MIA, to compare with;
// `--without-model` leaves the captioner out.
// Usage: npm run build:web [-- --model RUN] [--without-mia RUN] (after npm run build)
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = join(root, 'src/page')
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist/web') },
    model: { type: 'string' },
    'without-mia': { type: 'string' },
    'without-model': { type: 'boolean', default: false },
  },
})
const { out } = values

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const common = { bundle: true, format: 'esm', platform: 'browser', minify: true, legalComments: 'none' }
const target = ['chrome111', 'firefox113', 'safari16.4']
await build({
  ...common,
  target,
  entryPoints: { page: join(page, 'main.tsx'), worker: join(root, 'src/hosts/web/worker.ts') },
  outdir: out,
  splitting: true,
  // ONNX Runtime as files of their own, next to the page, instead of a copy inside the script
  conditions: ['onnxruntime-web-use-extern-wasm'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  chunkNames: 'chunk-[hash]',
})
for (const name of ['index.html', 'icon.svg', 'manifest.webmanifest', 'examples'])
  cpSync(join(page, name), join(out, name), { recursive: true })
const { outputFiles } = await build({ ...common, entryPoints: [join(root, 'src/pages/style.ts')], write: false })
const { BASE_STYLE } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`)
writeFileSync(join(out, 'style.css'), BASE_STYLE + readFileSync(join(page, 'style.css'), 'utf8'))

/** All files of the page so far, by their paths in it. */
const listFiles = () =>
  readdirSync(out, { recursive: true })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => statSync(join(out, path)).isFile())
    .sort()
const shell = listFiles()
const hash = createHash('sha256')
for (const path of shell) hash.update(path).update(readFileSync(join(out, path)))
await build({
  ...common,
  target,
  entryPoints: [join(page, 'service-worker.ts')],
  outdir: out,
  define: { FILES: JSON.stringify(shell), VERSION: JSON.stringify(hash.digest('hex').slice(0, 16)) },
})

const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
for (const build of ['', '.asyncify'])
  for (const ending of ['mjs', 'wasm']) {
    const name = `ort-wasm-simd-threaded${build}.${ending}`
    cpSync(join(ort, name), join(out, 'ort', name))
  }

if (!values['without-model']) {
  const { exportWeb } = await import(new URL('../dist/hosts/node/export-web.js', import.meta.url).href)
  await exportWeb({
    out: join(out, 'model'),
    ...(values.model !== undefined && { run: values.model }),
    ...(values['without-mia'] !== undefined && { withoutMia: values['without-mia'] }),
  })
}

const files = listFiles()
const bytes = files.reduce((sum, file) => sum + statSync(join(out, file)).size, 0)
console.log(`${out}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB`)
