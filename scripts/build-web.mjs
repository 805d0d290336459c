// Builds the page into dist/web: a folder that any host serves, also from a subfolder. `--model RUN` takes the captioner
// of a run, by default the pretrained one; `--without-model` leaves it to the server (`mia serve` brings its own).
// Usage: npm run build:web [-- --model RUN] (after npm run build)
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = join(root, 'src/page')
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist/web') },
    model: { type: 'string' },
    'without-model': { type: 'boolean', default: false },
  },
})
const { out } = values

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
await build({
  entryPoints: { page: join(page, 'main.tsx'), worker: join(root, 'src/hosts/web/worker.ts') },
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  // ONNX Runtime as files of their own, next to the page, instead of a copy inside the script
  conditions: ['onnxruntime-web-use-extern-wasm'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  chunkNames: 'chunk-[hash]',
  legalComments: 'none',
})
for (const name of ['index.html', 'style.css', 'icon.svg', 'manifest.webmanifest', 'examples'])
  if (existsSync(join(page, name))) cpSync(join(page, name), join(out, name), { recursive: true })

const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
for (const build of ['', '.asyncify'])
  for (const ending of ['mjs', 'wasm'])
    cpSync(
      join(ort, `ort-wasm-simd-threaded${build}.${ending}`),
      join(out, 'ort', `ort-wasm-simd-threaded${build}.${ending}`),
    )

if (!values['without-model']) {
  const { exportWeb } = await import(new URL('../dist/hosts/node/export-web.js', import.meta.url).href)
  await exportWeb({ out: join(out, 'model'), ...(values.model !== undefined && { run: values.model }) })
}

const files = readdirSync(out, { recursive: true }).filter((file) => statSync(join(out, file)).isFile())
const bytes = files.reduce((sum, file) => sum + statSync(join(out, file)).size, 0)
console.log(`${out}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB`)
