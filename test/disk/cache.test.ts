import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cacheFolder } from '../../src/disk/cache.ts'

test.each([
  [{ XDG_CACHE_HOME: '/x' }, 'linux', join('/x', 'mia-caption')],
  [{ XDG_CACHE_HOME: 'relative' }, 'linux', join(homedir(), '.cache', 'mia-caption')],
  [{ XDG_CACHE_HOME: '' }, 'linux', join(homedir(), '.cache', 'mia-caption')],
  [{}, 'darwin', join(homedir(), '.cache', 'mia-caption')],
  [{ LOCALAPPDATA: 'L', XDG_CACHE_HOME: '/x' }, 'win32', join('L', 'mia-caption')],
  [{}, 'win32', join(homedir(), '.cache', 'mia-caption')],
])('cacheFolder() of %j on %s is %s', (environment, platform, folder) => {
  expect(cacheFolder(environment, platform)).toBe(folder)
})
