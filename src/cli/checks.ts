import { existsSync } from 'node:fs'
import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../cache.ts'

/** What was looked at on this machine. */
export interface Check {
  readonly what: string
  /** `no` is what one can do without */
  readonly state: 'ok' | 'no' | 'broken'
  readonly found: string
  /** what to do, where something is not there or does not work */
  readonly mend?: string
}

const MINIMUM_NODE = [20, 12] as const
/** Enough for a training at the published sizes. */
const MEMORY_GB = 4

/** Looks at everything that decides what works here; nothing throws. */
export async function checkMachine(): Promise<Check[]> {
  return [node(), processor(), memory(), await disk(), ...(await engine()), await images(), mpi(), await cache()]
}

function node(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const enough = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])
  const found = `${process.version} on ${process.platform} ${process.arch}`
  return enough
    ? { what: 'Node', state: 'ok', found }
    : { what: 'Node', state: 'broken', found, mend: `install Node ${MINIMUM_NODE.join('.')} or newer` }
}

function processor(): Check {
  const threads = availableParallelism()
  return { what: 'processor', state: 'ok', found: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${threads} threads` }
}

function memory(): Check {
  const [free, total] = [freemem(), totalmem()].map((bytes) => bytes / 1e9) as [number, number]
  const found = `${free.toFixed(1)} GB free of ${total.toFixed(1)}`
  return total >= MEMORY_GB
    ? { what: 'memory', state: 'ok', found }
    : {
        what: 'memory',
        state: 'no',
        found,
        mend: `captioning works; to train at the published sizes use ${MEMORY_GB} GB`,
      }
}

async function disk(): Promise<Check> {
  const { bavail, bsize } = await statfs('.')
  const free = (bavail * bsize) / 1e9
  const found = `${free.toFixed(1)} GB free in this folder`
  return free > 1
    ? { what: 'disk', state: 'ok', found }
    : { what: 'disk', state: 'broken', found, mend: 'free 1 GB: features of 6,000 pictures take 0.8 GB' }
}

/** ONNX Runtime computes, on what. */
async function engine(): Promise<Check[]> {
  const version = await versionOf('onnxruntime-node')
  const checks: Check[] = []
  try {
    await tryEngine()
    checks.push({ what: 'ONNX Runtime, CPU', state: 'ok', found: `${version}, a model ran` })
  } catch (error) {
    const mend = 'run "npm ci" again; Linux x64 is what we try'
    checks.push({ what: 'ONNX Runtime, CPU', state: 'broken', found: `${version}: ${(error as Error).message}`, mend })
  }
  const { bundledBackends } = await import('../runtime/node.ts')
  const bundled = await bundledBackends()
  checks.push(
    bundled.includes('webgpu')
      ? { what: 'ONNX Runtime, WebGPU', state: 'ok', found: 'in the package; not used by any command yet' }
      : { what: 'ONNX Runtime, WebGPU', state: 'no', found: 'not in the package of this platform' },
  )
  checks.push(
    bundled.includes('cuda')
      ? { what: 'ONNX Runtime, CUDA', state: 'ok', found: 'its library is there; not used by any command yet' }
      : {
          what: 'ONNX Runtime, CUDA',
          state: 'no',
          found: 'its library is not installed',
          mend: 'npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12',
        },
  )
  return checks
}

/** Adds two numbers. */
async function tryEngine(): Promise<void> {
  const [{ nodeRuntime }, { toOnnx }, { input }, { add }, { floatData, floats }] = await Promise.all([
    import('../runtime/node.ts'),
    import('../runtime/onnx-export.ts'),
    import('../graph/index.ts'),
    import('../graph/ops/index.ts'),
    import('../runtime/session.ts'),
  ])
  const session = await nodeRuntime.load(toOnnx({ sum: add(input('x', [1]), input('y', [1])) }))
  try {
    const { sum } = await session.run({ x: floats([1], Float32Array.of(2)), y: floats([1], Float32Array.of(3)) })
    if (floatData(sum)[0] !== 5) throw new Error(`2 + 3 gave ${floatData(sum)[0]}`)
  } finally {
    session.release()
  }
}

async function images(): Promise<Check> {
  try {
    const { default: sharp } = await import('sharp')
    await sharp({ create: { width: 2, height: 2, channels: 3, background: '#123' } })
      .png()
      .toBuffer()
    return { what: 'pictures', state: 'ok', found: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` }
  } catch (error) {
    const found = (error as Error).message.split('\n')[0]!
    return { what: 'pictures', state: 'broken', found, mend: 'run "npm ci --include=optional" for sharp\'s library' }
  }
}

/** Where a message-passing library usually lies; training on several machines is to reach it by FFI. */
function mpi(): Check {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/local/lib', '/opt/homebrew/lib']
  const found = folders
    .flatMap((folder) =>
      ['libmpi.so', 'libmpi.so.40', 'libmpi.so.12', 'libmpi.dylib'].map((name) => join(folder, name)),
    )
    .find((path) => existsSync(path))
  return found
    ? { what: 'MPI', state: 'ok', found: `${found}; not used by any command yet` }
    : {
        what: 'MPI',
        state: 'no',
        found: 'not found; only training on several machines needs it, which is not done yet',
      }
}

async function cache(): Promise<Check> {
  const folder = cacheFolder()
  const names = await readdir(folder).catch(() => [] as string[])
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1e6
  return { what: 'cache', state: 'ok', found: `${folder}, ${names.length} files, ${megabytes.toFixed(1)} MB` }
}

async function versionOf(name: string): Promise<string> {
  const path = createRequire(import.meta.url).resolve(`${name}/package.json`)
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version
}
