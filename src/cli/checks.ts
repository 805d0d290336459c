import { existsSync } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, isDamaged } from '../disk/cache.ts'
import { checkWritable } from '../disk/files.ts'
import { attempt, type Check } from './check.ts'
import { packageChecks } from './package-checks.ts'

const MINIMUM_NODE = [20, 12] as const
/** Enough for a training at the published sizes. */
const MEMORY_GB = 4

/** Looks at everything that decides what works here; nothing throws. */
export async function checkMachine(): Promise<Check[]> {
  const checks = [
    ...packageChecks,
    { what: 'Node', look: node },
    { what: 'processor', look: processor },
    { what: 'memory', look: memory },
    { what: 'disk', look: disk },
    { what: 'ONNX Runtime, CPU', look: engine },
    { what: 'ONNX Runtime, WebGPU', look: webgpu },
    { what: 'ONNX Runtime, CUDA', look: cuda },
    { what: 'pictures', look: images },
    { what: 'MPI', look: mpi },
    { what: 'cache', look: cache },
  ]
  const found: Check[] = []
  for (const { what, look } of checks) found.push(await attempt(what, look))
  return found
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

async function engine(): Promise<Check> {
  const { engineVersion } = await import('../hosts/node/runtime.ts')
  const version = await engineVersion()
  await tryEngine()
  return { what: 'ONNX Runtime, CPU', state: 'ok', found: `${version}, a model ran` }
}

async function webgpu(): Promise<Check> {
  const found = (await isBundled('webgpu')) ? 'in the package; not tried, ' : 'not in the package of this platform; '
  return { what: 'ONNX Runtime, WebGPU', state: 'no', found: `${found}no command uses it yet` }
}

async function cuda(): Promise<Check> {
  const found = (await isBundled('cuda')) ? 'its library is there; not tried, ' : 'its library is not installed; '
  return { what: 'ONNX Runtime, CUDA', state: 'no', found: `${found}no command uses it yet` }
}

async function isBundled(backend: string): Promise<boolean> {
  const { bundledBackends } = await import('../hosts/node/runtime.ts')
  return (await bundledBackends()).includes(backend)
}

/** Adds two numbers. */
async function tryEngine(): Promise<void> {
  const [{ nodeRuntime }, { toOnnx }, { input }, { add }, { floatData }, { floats }] = await Promise.all([
    import('../hosts/node/runtime.ts'),
    import('../onnx/export.ts'),
    import('../graph/index.ts'),
    import('../graph/ops/index.ts'),
    import('../engine/session.ts'),
    import('../formats/host-value.ts'),
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
  const { default: sharp } = await import('sharp')
  await sharp({ create: { width: 2, height: 2, channels: 3, background: '#123' } })
    .png()
    .toBuffer()
  return { what: 'pictures', state: 'ok', found: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` }
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
    ? { what: 'MPI', state: 'no', found: `${found}; not tried, no command uses it yet` }
    : {
        what: 'MPI',
        state: 'no',
        found: 'not found; only training on several machines needs it, which is not done yet',
      }
}

/** Without a cache the network that npm brings is translated anew at each start. */
async function cache(): Promise<Check> {
  const folder = cacheFolder()
  const names = await readdir(folder).catch(() => [] as string[])
  // another process may take a file away meanwhile
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1e6
  const found = `${folder}, ${names.length} files, ${megabytes.toFixed(1)} MB`
  const mend =
    'captioning works, but translates the network anew each time: set XDG_CACHE_HOME to a folder you can write'
  try {
    await checkWritable(join(folder, 'file'))
  } catch (error) {
    return { what: 'cache', state: 'no', found: (error as Error).message, mend }
  }
  const damaged = (await Promise.all(names.map(async (name) => ((await isDamaged(name)) ? [name] : [])))).flat()
  return damaged.length === 0
    ? { what: 'cache', state: 'ok', found }
    : { what: 'cache', state: 'no', found: `${found}; ${damaged.join(', ')} damaged: made anew when wanted` }
}
