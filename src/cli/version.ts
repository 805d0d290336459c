import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export { packageVersion } from '../hosts/node/package-version.ts'

const PACKAGE = new URL('../../', import.meta.url)

/**
 * The commit of mia-caption's own clone in `folder`, by default this package's; undefined if the folder is not the top
 * of a git repository: an installed package has no commit, even inside the repository of a project that uses it.
 */
export async function packageCommit(folder: string = fileURLToPath(PACKAGE)): Promise<string | undefined> {
  const answer = await git(folder, 'rev-parse', '--show-toplevel', 'HEAD')
  const [top, commit] = answer?.split('\n') ?? []
  if (!top || !commit) return undefined
  const [a, b] = await Promise.all([realpath(top), realpath(folder)])
  return a === b ? commit : undefined
}

/** What git prints; undefined if it fails or is not installed. */
function git(folder: string, ...args: readonly string[]): Promise<string | undefined> {
  // Variables such as GIT_DIR, which git sets in hooks, would name another repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')))
  return new Promise((resolve) =>
    execFile('git', ['-C', folder, ...args], { env }, (error, stdout) => resolve(error ? undefined : stdout)),
  )
}
