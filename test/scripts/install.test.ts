import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const json = (file: string) => JSON.parse(readFileSync(new URL(file, root), 'utf8'))

// npm (7 and later) runs the install script of a dependency only if the lock file marks the package as having one. That of
// onnxruntime-node downloads CUDA libraries from nuget.org, so without access to nuget.org "npm ci" would fail. No other
// dependency needs its script: koffi and esbuild have prebuilt packages for every platform.
test('package-lock.json marks no dependency as having an install script', () => {
  const { packages } = json('package-lock.json') as { packages: Record<string, { hasInstallScript?: boolean }> }
  const marked = Object.entries(packages).flatMap(([path, { hasInstallScript }]) => (hasInstallScript ? [path] : []))
  expect(marked, 'remove the lines "hasInstallScript": true from package-lock.json').toEqual([])
})

test('package.json forbids the install scripts of dependencies, for versions of npm that ask', () => {
  const { allowScripts } = json('package.json') as { allowScripts: Record<string, boolean> }
  expect(allowScripts['onnxruntime-node']).toBe(false)
  expect(Object.values(allowScripts)).not.toContain(true)
})

// npm 11 prints a warning at every command for a key of .npmrc that it does not know.
test('there is no .npmrc, so npm has no unknown key to warn about', () => {
  expect(existsSync(new URL('.npmrc', root))).toBe(false)
})
