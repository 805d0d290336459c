import { UsageError } from '../../errors.ts'
import type { WrittenFile } from '../../hosts/node/export-folder.ts'
import { defineCommand } from '../command.ts'
import { flag, text } from '../options.ts'
import { shellQuoted } from '../output.ts'
import { NETWORKS } from '../shared-options.ts'

/** `mia export`: exports a captioner as ONNX models. */
export const exportCommand = defineCommand({
  name: 'export',
  summary: 'export a captioner as ONNX models, to run elsewhere',
  description:
    'Writes a captioner as ONNX models that need nothing but ONNX Runtime: network.onnx (picture to features), ' +
    'concepts.onnx (features to concepts, for models that use them), encoder.onnx and step.onnx (one word of a search); ' +
    'and with them the vocabulary, the preprocessing and the inputs and outputs (config.json), a README, and an example ' +
    'each in Python and JavaScript that captions a picture. Runs on bottom-up features are exported without ' +
    'network.onnx: their features come from another program. Runs on detected objects cannot be exported. With --web it ' +
    'writes the files that a page fetches instead, at most 20 MB: see docs/page.md.',
  examples: [
    { call: 'mia export --out captioner-onnx', what: 'the pretrained captioner' },
    { call: 'mia export --run runs/va-mia --out captioner-onnx', what: 'your own' },
    { call: 'mia export --web --run runs/va-mia --out model', what: 'for a page, where it captions without a server' },
    {
      call: 'mia export --web --run runs/va-mia --without-mia runs/va --out model',
      what: 'with and without MIA side by side in the page',
    },
  ],
  options: {
    run: text('folder', 'folder of a trained captioner (default: the pretrained one)'),
    out: text('folder', 'folder to write, new or empty', { required: true }),
    web: flag(
      'the files of a captioner in a page: weights in float16 and int8, networks, and index.json with checksums',
    ),
    withoutMia: text(
      'folder',
      'with --web: run of the same model trained without MIA; the page captions with both, side by side',
    ),
    cnn: NETWORKS.cnn,
  },
  async run({ run, out, cnn, web, withoutMia }) {
    if (withoutMia !== undefined && !web)
      throw new UsageError('Cannot use --without-mia without --web: it is about a page')
    const options = { out, ...(run !== undefined && { run }), ...(cnn !== undefined && { cnn }) }
    if (web) {
      const { exportWeb } = await import('../../hosts/node/export-web.ts')
      const files = await exportWeb({ ...options, ...(withoutMia !== undefined && { withoutMia }) })
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      return { json: { out, files }, text: [...listed(files), `${(bytes / 1e6).toFixed(1)} MB in all`] }
    }
    const { exportRun } = await import('../../hosts/node/export-run.ts')
    const files = await exportRun(options)
    const network = files.some(({ path }) => path === 'network.onnx')
    return {
      json: { out, files },
      text: [
        ...listed(files),
        ...(network ? [] : ['There is no network.onnx: the features of this run come from another program']),
        `To caption: python ${shellQuoted(`${out}/example.py`)} ${network ? 'photo.jpg' : 'features.npy'}`,
      ],
    }
  },
})

const listed = (files: readonly WrittenFile[]): string[] =>
  files.map(({ path, bytes }) => `${path}, ${(bytes / 1e6).toFixed(bytes < 1e5 ? 3 : 1)} MB`)
