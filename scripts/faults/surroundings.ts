import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/random.ts'
import { contentOf, differences, type LongCommand, restore } from './commands.ts'
import type { Ended, StartOptions } from './processes.ts'

/** A command, and the folder that it runs in. */
export interface Trial {
  readonly command: LongCommand
  /** what was there before it */
  readonly folder: string
  readonly random: Random
  /** what it writes without a fault, and how long that takes */
  readonly right: ReadonlyMap<string, string>
  readonly seconds: number
}

/** Something that goes wrong around a command. `run` returns what is not as it should be. */
export interface Surrounding {
  readonly name: string
  /** why it cannot be tried here; undefined if it can */
  readonly missing?: string | undefined
  run(trial: Trial): Promise<string[]>
}

const isRoot = process.getuid?.() === 0
const ONLY_ROOT = isRoot ? undefined : 'only root can mount a small disk and act as another user'
const NOBODY = 65534
const DISK_MB = 256

/** Why an end is a fault: a command may succeed, or say in one line what is wrong. */
function faultOf({ status, errors }: Ended): string[] {
  const lines = errors.trimEnd().split('\n')
  if (/Internal error|\n\s+at /.test(errors)) return [`it has an internal error: ${lines.slice(-6).join(' | ')}`]
  if (status === 0 || /^(Error|Cannot|UserError): ?/.test(lines.at(-1) ?? '') || /UserError: /.test(errors)) return []
  return [`it ends with ${status}: ${lines.at(-1)}`]
}

/** Runs the command once more without a fault: it must end with the right content. */
async function mended({ command, right }: Trial, folder: string, options?: StartOptions): Promise<string[]> {
  if (command.once && differences(right, await contentOf(folder, command.varies)).length === 0) return []
  const { status, errors } = await command.start(folder, options).ended
  if (status !== 0) return [`it does not go on: ${errors.trimEnd().split('\n').at(-1)}`]
  return differences(right, await contentOf(folder, command.varies))
}

const partsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((name) => /\.\d+-[0-9a-f]+\.part$/.test(name))

/** Runs `work` with a small disk at the trial's folder, so that every path is as without it. */
async function onSmallDisk(trial: Trial, work: (folder: string) => Promise<string[]>): Promise<string[]> {
  const { folder } = trial
  const before = `${folder}.kept`
  await restore(folder, before)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder])
  try {
    await cp(before, folder, { recursive: true })
    return await work(folder)
  } finally {
    execFileSync('umount', [folder])
    await rm(before, { recursive: true })
  }
}

/** Fills the disk of a folder except for so many bytes. */
async function fill(folder: string, left: number): Promise<string> {
  const path = join(folder, 'fill')
  await writeFile(path, '')
  execFileSync('sh', ['-c', `dd if=/dev/zero of="${path}" bs=4096 2> /dev/null || true`])
  await truncate(path, Math.max(0, (await stat(path)).size - left))
  return path
}

const fullDisk: Surrounding = {
  name: 'full disk',
  missing: ONLY_ROOT,
  async run(trial) {
    const { command, random } = trial
    return onSmallDisk(trial, async (folder) => {
      const faults: string[] = []
      for (const left of [0, 4096, 4096 * random.below(16), 4096 * (16 + random.below(64))]) {
        const path = await fill(folder, left)
        const ended = await command.start(folder).ended
        await rm(path)
        faults.push(...faultOf(ended).map((fault) => `with ${left} bytes left ${fault}`))
        const parts = ended.status === 0 ? [] : await partsIn(folder)
        faults.push(...parts.map((part) => `with ${left} bytes left, ${part} is left over`))
      }
      return [...faults, ...(await mended(trial, folder))]
    })
  },
}

const readOnly: Surrounding = {
  name: 'read-only disk',
  missing: ONLY_ROOT,
  run: (trial) =>
    onSmallDisk(trial, async (folder) => {
      execFileSync('mount', ['-o', 'remount,ro', folder])
      const ended = await trial.command.start(folder).ended
      execFileSync('mount', ['-o', 'remount,rw', folder])
      const said = ended.status === 0 ? ['it succeeds'] : faultOf(ended)
      return [...said, ...(await mended(trial, folder))]
    }),
}

/** Changes the mode of a folder and of those below it. */
async function setModes(folder: string, mode: number): Promise<void> {
  if (!existsSync(folder) || !(await stat(folder)).isDirectory()) return
  await chmod(folder, mode)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), mode)
}

const permissionLost: Surrounding = {
  name: 'permission lost',
  missing: ONLY_ROOT,
  async run(trial) {
    const { command, folder, random, seconds } = trial
    const as: StartOptions = {
      under: ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'],
      env: { HOME: '/nonexistent' },
    }
    await chmod(dirname(folder), 0o755)
    execFileSync('chown', ['-R', `${NOBODY}`, folder])
    const { ended } = command.start(folder, as)
    await Promise.race([setTimeout(1000 * seconds * (0.2 + 0.6 * random.uniform())), ended])
    await setModes(folder, 0o555)
    const faults = faultOf(await ended)
    await setModes(folder, 0o755)
    return [...faults, ...(await mended(trial, folder, as))]
  },
}

const twoProcesses: Surrounding = {
  name: 'two processes',
  async run(trial) {
    const { command, folder } = trial
    const both = await Promise.all([command.start(folder).ended, command.start(folder).ended])
    const faults = both.flatMap(faultOf)
    if (both.every(({ status }) => status !== 0)) faults.push('neither succeeds')
    return [...faults, ...(await mended(trial, folder))]
  },
}

/** The commands that lock the folder that they write to. */
const LOCKED = ['features', 'concepts-train', 'train', 'self-critical', 'cnn-tune', 'export', 'card']

/** The number of a process that is gone. */
const deadProcess = (): number => Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }))

const staleLock: Surrounding = {
  name: 'stale lock',
  async run(trial) {
    const { command, folder } = trial
    const faults: string[] = []
    if (!LOCKED.includes(command.name)) return []
    const owner = { pid: deadProcess(), host: hostname(), since: new Date().toISOString() }
    for (const content of [JSON.stringify(owner), '', '{"pid":']) {
      await mkdir(join(folder, command.writes), { recursive: true })
      await writeFile(join(folder, command.writes, 'lock.json'), content)
      const ended = await command.start(folder).ended
      if (ended.status !== 0) faults.push(`with the lock ${JSON.stringify(content.slice(0, 8))} ${ended.errors}`)
      if (command.once) await rm(join(folder, command.writes), { recursive: true, force: true })
    }
    return [...faults, ...(await mended(trial, folder))]
  },
}

const CLOCK_BACK = fileURLToPath(new URL('children/clock-back.mjs', import.meta.url))

const clockBack: Surrounding = {
  name: 'clock going back',
  async run(trial) {
    const { command, folder, random, seconds } = trial
    const { child, ended } = command.start(folder)
    await Promise.race([setTimeout(1000 * seconds * (0.2 + 0.6 * random.uniform())), ended])
    child.kill('SIGKILL')
    await ended
    return mended(trial, folder, { env: { NODE_OPTIONS: `--import ${CLOCK_BACK}` } })
  },
}

/** Damages a file in one of four ways; returns which. */
async function damage(path: string, random: Random): Promise<string> {
  const bytes = await readFile(path)
  const kind = bytes.length === 0 ? 0 : random.below(4)
  if (kind === 0) await rm(path)
  else if (kind === 1) await truncate(path, random.below(bytes.length))
  else if (kind === 2) await writeFile(path, '')
  else {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
    await writeFile(path, bytes)
  }
  return ['missing', 'cut short', 'empty', 'with another bit'][kind]!
}

/** Files that are damaged for each command. */
const DAMAGED = 6

const damagedFiles: Surrounding = {
  name: 'damaged file',
  async run(trial) {
    const { command, folder, random } = trial
    const first = await command.start(folder).ended
    if (first.status !== 0) return [`it fails: ${first.errors}`]
    const done = `${folder}.done`
    await restore(folder, done)
    const names = [...(await contentOf(folder, undefined)).keys()].filter((name) =>
      /\.(json|jsonl|safetensors|onnx)$/.test(name),
    )
    const faults: string[] = []
    for (let i = 0; i < DAMAGED; i++) {
      const name = names[random.below(names.length)]!
      const how = await damage(join(folder, name), random)
      const hash = existsSync(join(folder, name))
        ? createHash('sha256')
            .update(await readFile(join(folder, name)))
            .digest('hex')
        : ''
      const ended = await command.start(folder).ended
      faults.push(...faultOf(ended).map((fault) => `${name} ${how}: ${fault}`))
      if (ended.status === 0) {
        const others = differences(trial.right, await contentOf(folder, command.varies))
        // what it does not read, it leaves as it is
        const found = (await contentOf(folder, undefined)).get(name) ?? ''
        faults.push(
          ...others
            .filter((other) => !(other.startsWith(`${name} `) && found === hash))
            .map((other) => `${name} ${how}: ${other}`),
        )
      }
      await restore(done, folder)
    }
    await rm(done, { recursive: true })
    return faults
  },
}

/** All that goes wrong around commands. */
export const SURROUNDINGS: readonly Surrounding[] = [
  fullDisk,
  readOnly,
  permissionLost,
  twoProcesses,
  staleLock,
  clockBack,
  damagedFiles,
]

/**
 * Tries a command in every surrounding, each from the same beginning. Returns the faults of each; afterwards the folder
 * has what the command wrote.
 */
export async function trySurroundings(
  command: LongCommand,
  folder: string,
  random: Random,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const before = `${folder}.before`
  await restore(folder, before)
  const { status, errors, seconds } = await command.start(folder).ended
  if (status !== 0) throw new Error(`${command.name} fails without a fault: ${errors}`)
  const right = await contentOf(folder, command.varies)
  const found = new Map<string, readonly string[]>()
  for (const { name, missing, run } of SURROUNDINGS) {
    if (missing !== undefined) continue
    await restore(before, folder)
    found.set(name, await run({ command, folder, random, right, seconds }))
  }
  await restore(before, folder)
  await command.start(folder).ended
  await rm(before, { recursive: true })
  return found
}
