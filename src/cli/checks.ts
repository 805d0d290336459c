import { readdir, stat, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { CPU, type Device } from '../device.ts'
import { cacheFolder, isDamaged } from '../disk/cache.ts'
import { checkWritable } from '../disk/files.ts'
import { attempt, type Check } from './check.ts'
import { packageChecks } from './package-checks.ts'

const MINIMUM_NODE = [20, 12] as const
/** Enough to train at the published sizes. */
const MEMORY_GB = 4

/** Checks the installation and this machine. A check that throws is an error in the result. */
export async function checkMachine(): Promise<Check[]> {
  const checks = [
    ...packageChecks,
    { name: 'Node', check: node },
    { name: 'processor', check: processor },
    { name: 'memory', check: memory },
    { name: 'disk', check: disk },
    { name: 'ONNX Runtime', check: engine },
    ...ACCELERATORS.map((kind) => ({ name: `device ${kind}`, check: () => accelerator(kind) })),
    { name: 'image library', check: images },
    { name: 'cache', check: cache },
  ]
  const found: Check[] = []
  for (const { name, check } of checks) found.push(await attempt(name, check))
  return found
}

function node(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const isNew = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])
  const found = `${process.version} on ${process.platform} ${process.arch}`
  return isNew
    ? { name: 'Node', status: 'ok', found }
    : { name: 'Node', status: 'error', found, fix: `install Node ${MINIMUM_NODE.join('.')} or later` }
}

function processor(): Check {
  const threads = availableParallelism()
  return { name: 'processor', status: 'ok', found: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${threads} threads` }
}

function memory(): Check {
  const [free, total] = [freemem(), totalmem()].map((bytes) => bytes / 1e9) as [number, number]
  const found = `${free.toFixed(1)} GB free of ${total.toFixed(1)} GB`
  return total >= MEMORY_GB
    ? { name: 'memory', status: 'ok', found }
    : { name: 'memory', status: 'warning', found, fix: `training at the published sizes needs ${MEMORY_GB} GB` }
}

async function disk(): Promise<Check> {
  const { bavail, bsize } = await statfs('.')
  const free = (bavail * bsize) / 1e9
  const found = `${free.toFixed(1)} GB free in this folder`
  return free > 1
    ? { name: 'disk', status: 'ok', found }
    : { name: 'disk', status: 'error', found, fix: 'free 1 GB: the features of 6,000 images take 0.8 GB' }
}

async function engine(): Promise<Check> {
  const { engineVersion } = await import('../hosts/node/ort-library.ts')
  const version = await engineVersion()
  await tryEngine(CPU)
  return { name: 'ONNX Runtime', status: 'ok', found: `${version}, ran a model on the CPU` }
}

/** The devices beside the processor. */
const ACCELERATORS = ['webgpu', 'cuda'] as const

/**
 * Runs a model on a device. A machine without one lacks nothing: that is no warning. CUDA is "written": the project had
 * no machine to run it on.
 */
async function accelerator(kind: (typeof ACCELERATORS)[number]): Promise<Check> {
  const name = `device ${kind}`
  try {
    await tryEngine({ kind, index: 0 })
  } catch (error) {
    const [reason] = (error as Error).message.replace(/^Cannot use the device \w+: /, '').split('\n')
    return { name, status: 'none', found: `${kind === 'cuda' ? 'written, not run' : 'not run'}: ${reason}` }
  }
  return { name, status: 'ok', found: `ran a model; use it with --device ${kind}` }
}

/** Runs a model that adds two numbers. */
async function tryEngine(device: Device): Promise<void> {
  const [{ runtimeOn }, { toOnnx }, { add, input }, { floatData }, { floats }] = await Promise.all([
    import('../hosts/node/runtime.ts'),
    import('../onnx/export.ts'),
    import('../graph/index.ts'),
    import('../engine/session.ts'),
    import('../formats/host-value.ts'),
  ])
  const session = await runtimeOn(device).load(toOnnx({ sum: add(input('x', [1]), input('y', [1])) }))
  try {
    const { sum } = await session.run({ x: floats([1], Float32Array.of(2)), y: floats([1], Float32Array.of(3)) })
    if (floatData(sum)[0] !== 5) throw new Error(`its result for 2 + 3 is ${floatData(sum)[0]}`)
  } finally {
    session.release()
  }
}

async function images(): Promise<Check> {
  const { default: sharp } = await import('sharp')
  const { width } = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#123' } })
    .png()
    .toBuffer()
    .then((bytes) => sharp(bytes).metadata())
  if (width !== 2) throw new Error(`an image of 2 x 2 pixels was read with a width of ${width}`)
  return { name: 'image library', status: 'ok', found: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` }
}

/** Without a cache, the pretrained CNN is converted again at every start. */
async function cache(): Promise<Check> {
  const folder = cacheFolder()
  const names = await readdir(folder).catch(() => [] as string[])
  const sizeOf = (name: string): Promise<number> =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0, // another process removed it meanwhile
    )
  const megabytes = (await Promise.all(names.map(sizeOf))).reduce((sum, size) => sum + size, 0) / 1e6
  const found = `${folder}, ${names.length} files, ${megabytes.toFixed(1)} MB`
  try {
    await checkWritable(join(folder, 'file'))
  } catch (error) {
    const fix = 'captioning works, but starts more slowly: set XDG_CACHE_HOME to a folder that you can write to'
    return { name: 'cache', status: 'warning', found: (error as Error).message, fix }
  }
  const damaged = (await Promise.all(names.map(async (name) => ((await isDamaged(name)) ? [name] : [])))).flat()
  return damaged.length === 0
    ? { name: 'cache', status: 'ok', found }
    : {
        name: 'cache',
        status: 'warning',
        found: `${found}; damaged, to be replaced when needed: ${damaged.join(', ')}`,
      }
}
