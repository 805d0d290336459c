import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { expect, test, vi } from 'vitest'
import type { Archive } from '../../src/data/coco-archives.ts'
import { sendFile, serve, sha256 } from '../data/http-server.ts'
import { temporaryFolder } from '../support/folder.ts'
import { mia } from './mia.ts'

const archives = vi.hoisted((): { table: Archive[] } => ({ table: [] }))
vi.mock('../../src/data/coco-archives.ts', async (original) => ({
  ...(await original<object>()),
  cocoArchives: () => archives.table,
}))

const bytes = zipSync({ 'val2017/1.jpg': strToU8('a picture'), 'annotations/captions_val2017.json': strToU8('{}') })

/** A server with one archive in place of COCO's; `breaks` breaks its first connection. */
async function serveArchive(breaks: boolean): Promise<string> {
  const { url } = await serve({
    '/val2017.zip': (response, request, n) =>
      sendFile(bytes, response, request, { breakAfter: breaks && n === 0 ? 100 : undefined }),
  })
  archives.table = [
    {
      name: 'val2017.zip',
      url: `${url}/val2017.zip`,
      bytes: bytes.length,
      sha256: sha256(bytes),
      unpackedBytes: bytes.length,
      wanted: () => true,
    },
  ]
  return join(await temporaryFolder(), 'coco')
}

test('mia data coco downloads, resumes, unpacks, and says what to run next', async () => {
  const out = await serveArchive(true)
  const { status, stdout, stderr } = await mia(['data', 'coco', '--out', out])
  expect(status, stderr).toBe(0)
  expect(stdout).toBe(`COCO 2017 in ${out}\n`)
  expect(stderr).toContain('val2017.zip: the connection broke off; trying again in 1 s\n')
  expect(stderr).toMatch(/Unpacking val2017\.zip: 2 of 2 files, \d+ s\n/)
  expect(stderr).toContain(`mia prepare coco --root ${out} --year 2017 --out data/coco`)
  expect(existsSync(join(out, 'val2017/1.jpg'))).toBe(true)
  const again = await mia(['data', 'coco', '--out', out, '--dry-run', '--json'])
  expect(JSON.parse(again.stdout)).toMatchObject({ archives: [{ state: 'unpacked' }], neededBytes: 0 })
})

test('mia data coco names the archive that cannot be downloaded, on one line', async () => {
  const out = await serveArchive(false)
  archives.table = archives.table.map((archive) => ({ ...archive, url: archive.url.replace('val', 'no') }))
  const { status, stderr } = await mia(['data', 'coco', '--out', out, '--karpathy', '--quiet'])
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /^Error: Cannot download ".*no2017\.zip": the server answered 404 Not Found; check the address\n$/,
  )
})
