import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { packageCommit } from '../../src/cli/version.ts'
import { temporaryFolder } from '../support/folder.ts'

afterEach(() => vi.unstubAllEnvs())

/** A new repository with a commit, and a folder in it. */
async function repository(): Promise<{ folder: string; inside: string; commit: string }> {
  const folder = await temporaryFolder()
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim()
  git('init', '-q')
  git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-q', '--allow-empty', '-m', 'first')
  const inside = join(folder, 'node_modules/mia-caption')
  await mkdir(inside, { recursive: true })
  return { folder, inside, commit: git('rev-parse', 'HEAD') }
}

test("packageCommit() is that of the package's own clone, not of a repository that the package is installed in", async () => {
  const { folder, inside, commit } = await repository()
  expect(await packageCommit(folder)).toBe(commit)
  expect(await packageCommit(inside)).toBeUndefined()
  expect(await packageCommit(await temporaryFolder())).toBeUndefined()
})

test('packageCommit() does not depend on the current folder, nor on the variables that git sets in hooks', async () => {
  const own = await packageCommit()
  const other = await repository()
  const before = process.cwd()
  process.chdir(other.folder)
  onTestFinished(() => process.chdir(before))
  expect(await packageCommit()).toBe(own)
  vi.stubEnv('GIT_DIR', join(other.folder, '.git'))
  vi.stubEnv('GIT_WORK_TREE', other.folder)
  expect(await packageCommit()).toBe(own)
  expect(await packageCommit(await temporaryFolder())).toBeUndefined()
})
