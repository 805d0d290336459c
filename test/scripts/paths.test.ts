import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

// The pathname of a file URL begins with a slash before the drive on Windows, and has %20 for a space everywhere.
test('paths come from fileURLToPath(), not from the pathname of a URL', () => {
  const files = ['src', 'test', 'bench', 'scripts'].flatMap((folder) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[])
      .filter((file) => /\.(ts|mjs)$/.test(file))
      .map((file) => join(folder, file)),
  )
  const found = files.filter((file) =>
    /import\.meta\.url\)\.pathname|\bscript\.pathname/.test(readFileSync(join(root, file), 'utf8')),
  )
  expect(files.length).toBeGreaterThan(300)
  expect(found).toEqual([])
})
