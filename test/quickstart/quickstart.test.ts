import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { quickstart } from '../../src/quickstart/quickstart.ts'
import { openNetwork } from '../../src/vision/index.ts'
import { temporaryFolder } from '../support/folder.ts'

test('quickstart() trains two systems and writes two pages; the same seed gives the same captions and scores', async () => {
  const network = await openNetwork(nodeEngine, 'builtin')
  const once = async (seed = 2, out?: string) => {
    out ??= await temporaryFolder()
    const said: string[] = []
    const { page, systems } = await quickstart({
      engine: nodeEngine,
      out,
      seed,
      sizes: { train: 32, val: 6, epochs: 1, conceptEpochs: 2 },
      network,
      say: (line) => said.push(line),
      progress: () => () => {},
      signal: new AbortController().signal,
    })
    return { page, said, systems: systems.map(({ captions, evaluation }) => [[...captions], evaluation.scores]), out }
  }
  const [first, second] = [await once(), await once()]
  await expect(once(3, first.out)).rejects.toThrow(
    `Cannot make the quickstart of seed 3 in "${first.out}": the folder has another one`,
  )
  network.release()
  expect(second.systems).toEqual(first.systems)
  expect(first.said).toHaveLength(6)
  expect(await readFile(first.page, 'utf8')).toContain(`--run ${join(first.out, 'with-mia')} photo.jpg`)
  const page = await readFile(first.page, 'utf8')
  expect(page.match(/<article>/g)).toHaveLength(6)
  expect(page).toContain('polyline')
  expect(page).not.toMatch(/(?:src|href)="(?!data:|why\.html)/)
  expect(await readFile(join(first.out, 'why.html'), 'utf8')).toContain('VisualAttention with MIA')
})
