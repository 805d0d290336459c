import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** An MPI launcher of this machine. */
export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH'
  readonly command: string
  readonly options: readonly string[]
}

/** mpirun of Debian's packages `openmpi-bin` and `mpich`, if they are installed: under their own names or as mpirun. */
function launcherOf(name: Launcher['name'], says: RegExp, commands: readonly string[]): Launcher[] {
  const command = commands.find((each) => says.test(spawnSync(each, ['--version'], { encoding: 'utf8' }).stdout ?? ''))
  if (command === undefined) return []
  // two ranks on one core each would take turns; containers run as root
  return [
    { name, command, options: name === 'MPICH' ? [] : ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'] },
  ]
}

/** The launchers that are installed. Tests of MPI run with each, and are skipped if there is none. */
export const LAUNCHERS: readonly Launcher[] = [
  ...launcherOf('Open MPI', /Open ?MPI|OpenRTE/, ['mpirun.openmpi', 'mpirun']),
  ...launcherOf('MPICH', /HYDRA/, ['mpirun.mpich', 'mpirun']),
]
if (LAUNCHERS.length === 0)
  console.warn('Tests of MPI are skipped: there is no mpirun (Debian: apt install openmpi-bin)')

/** What the launched ranks did, all together. */
export interface Launched {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

/** How ranks are launched. */
export interface LaunchOptions {
  readonly ranks: number
  readonly env?: Readonly<Record<string, string>>
  /** called with what the ranks have printed so far, whenever they print */
  readonly onOutput?: (printed: string) => void
}

/** Runs a TypeScript file on several ranks. They are killed after the test. */
export function launch(
  { command, options }: Launcher,
  script: URL,
  args: readonly string[],
  { ranks, env = {}, onOutput }: LaunchOptions,
): Promise<Launched> {
  const started = performance.now()
  const child = spawn(
    command,
    [...options, '-n', `${ranks}`, process.execPath, '--import', 'tsx', fileURLToPath(script), ...args],
    { env: { ...process.env, MIA_THREADS: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (data: Buffer) => {
      printed[name] += data
      onOutput?.(printed.stdout + printed.stderr)
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, ...printed, seconds: (performance.now() - started) / 1000 }))
  })
}
