import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** ONNX Runtime 1.30 searches the process's command line with a recursive regular expression, which overflows the stack somewhere above 30 kB. */
const MOST = 16_000

/** Names the file that the arguments are in. */
const FILE = 'MIA_ARGUMENTS_FILE'

/** Are there so many arguments that ONNX Runtime would crash? 500 paths of pictures are. */
export const isTooLong = (args: readonly string[]): boolean =>
  process.platform === 'linux' && args.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0) > MOST

/** The arguments of this process, whether on its command line or in the file that runAgain() wrote. */
export function argumentsOf({ argv, env }: NodeJS.Process): string[] {
  const file = env[FILE]
  if (file === undefined) return argv.slice(2)
  delete env[FILE]
  const args = JSON.parse(readFileSync(file, 'utf8')) as string[]
  rmSync(file)
  return args
}

/** Runs this program again with the arguments in a file, and ends as it ends. Signals of the terminal reach it by themselves. */
export async function runAgain(args: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mia-'))
  const file = join(folder, 'arguments.json')
  await writeFile(file, JSON.stringify(args))
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!], {
    stdio: 'inherit',
    env: { ...process.env, [FILE]: file },
  })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.exitCode = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))
  await rm(folder, { recursive: true, force: true })
}
