import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { captionTokens } from '../src/text/ptb.ts'
import { captionSet } from './caption-set.ts'

/** A measurement of one program: seconds, and peak memory in MiB. */
export interface Measured {
  readonly seconds: number
  readonly peakMB: number
  /** what else there is to say, as in "45/s, p50 20 ms" */
  readonly detail?: string
}

// The same computation in PyTorch, run by Debian's Python or the one that MIA_PYTHON names. The wrapper adds the script's
// peak memory to its output.
const python = process.env.MIA_PYTHON ?? '/usr/bin/python3'
/** The script of the paper's models. */
export const REFERENCE =
  process.env.MIA_PYTORCH_REFERENCE ??
  fileURLToPath(new URL('../../shared/tools/pytorch_reference.py', import.meta.url))
const wrapper = `
import json, resource, subprocess, sys
out = subprocess.run([sys.executable] + sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout
print(json.dumps(dict(json.loads(out), peakMB=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)))
`

/** Returns the reason why the PyTorch script cannot run, or undefined if it can. */
export function peerMissing(): string | undefined {
  if (!existsSync(REFERENCE)) return `cannot find "${REFERENCE}"; set MIA_PYTORCH_REFERENCE to the script`
  try {
    execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' })
    return undefined
  } catch {
    return `${python} has no PyTorch; on Debian install python3-torch and libopenblas0-openmp`
  }
}

/** The script of Up-Down and the Transformer; the other one has the models of the paper. */
export const CAPTIONERS = fileURLToPath(new URL('captioners.py', import.meta.url))

/** Runs another script with its layers quantised: its first option is the script. */
export const QUANTIZED = fileURLToPath(new URL('quantized.py', import.meta.url))

/** Runs a PyTorch script with options and returns its measurement. */
export function measurePeer(options: readonly string[], file = REFERENCE): Measured {
  const out = execFileSync(python, ['-c', wrapper, file, ...options], { encoding: 'utf8' })
  const found = JSON.parse(out) as { step_s?: number; images_per_s?: number; images: number; peakMB: number }
  return { seconds: found.step_s ?? found.images / found.images_per_s!, peakMB: found.peakMB }
}

/**
 * Times coco.py, the algorithms of the original Python scorers, on the tokenised captions of metrics.ts. Returns
 * undefined without Python.
 */
export function measureBaseline(captions: string): Measured | undefined {
  const { references, candidates } = captionSet(captions)
  const folder = mkdtempSync(join(tmpdir(), 'mia-bench-'))
  try {
    const file = join(folder, 'captions.json')
    const tokens = {
      references: references.map((each) => each.map(captionTokens)),
      candidates: candidates.map(captionTokens),
    }
    writeFileSync(file, JSON.stringify(tokens))
    return JSON.parse(
      execFileSync(python, [fileURLToPath(new URL('coco.py', import.meta.url)), file], { encoding: 'utf8' }),
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
}
