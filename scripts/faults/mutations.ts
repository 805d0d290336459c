import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A mutant that was not read, or refused, as it should be. */
export interface Fault {
  readonly format: string
  /** its number: the same seed makes it again */
  readonly mutant: number
  readonly what: string
}

/** What came of the mutants of a format. */
export interface Campaign {
  readonly faults: readonly Fault[]
  /** mutants that were read without an error */
  readonly accepted: number
}

const HANG_MS = 2000
const MOST_BYTES = 2 ** 30
const WATCH_MS = 100
const PAGE_BYTES = 4096

/** Reads `count` mutants of a format in a process of its own, and again after each that ended the process. */
export async function readMutants(format: string, seed: number, count: number): Promise<Campaign> {
  const faults: Fault[] = []
  const campaign = { faults, accepted: 0 }
  const folder = await mkdtemp(join(tmpdir(), 'mia-faults-'))
  try {
    for (let next = 0; next < count; ) next = await readSome(format, folder, seed, next, count, campaign)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return campaign
}

/** What the worker says of a mutant. */
interface Message {
  readonly begin?: number
  readonly end?: number
  readonly accepted?: boolean
  readonly fault?: string
}

/** Reads mutants until one ends the process; returns the number of the next one. */
function readSome(
  format: string,
  folder: string,
  seed: number,
  first: number,
  end: number,
  campaign: { readonly faults: Fault[]; accepted: number },
): Promise<number> {
  const script = fileURLToPath(new URL('worker.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, format, folder, `${seed}`, `${first}`, `${end}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [begun, since, ended] = [first - 1, 0, first - 1]
  let [killed, errors] = ['', '']
  const stop = (what: string): void => {
    killed = what
    child.kill('SIGKILL')
  }
  const watch = setInterval(() => {
    if (begun > ended && performance.now() - since > HANG_MS) stop(`no answer within ${HANG_MS / 1000} s`)
    else if (begun > ended && residentBytes(child.pid!) > MOST_BYTES) stop('more than 1 GiB of memory')
  }, WATCH_MS)
  child.stderr.on('data', (data: Buffer) => {
    errors = `${errors}${data}`.slice(-500)
  })
  createInterface(child.stdout).on('line', (line) => {
    const { begin, end, fault, accepted } = JSON.parse(line) as Message
    if (begin !== undefined) [begun, since] = [begin, performance.now()]
    if (end !== undefined) ended = end
    if (accepted) campaign.accepted += 1
    if (fault !== undefined) campaign.faults.push({ format, mutant: end!, what: fault })
  })
  return new Promise((resolve, reject) => {
    child.on('close', (status, signal) => {
      clearInterval(watch)
      if (begun < first) return reject(new Error(`Cannot read the original of ${format}: ${errors}`))
      if (ended === end - 1) return resolve(end)
      if (begun === ended) return reject(new Error(`Cannot make mutant ${begun + 1} of ${format}: ${errors}`))
      campaign.faults.push({
        format,
        mutant: begun,
        what: killed || `the process ended with ${signal ?? status}: ${errors}`,
      })
      resolve(begun + 1)
    })
  })
}

/** The memory of a process, 0 where there is no /proc. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
