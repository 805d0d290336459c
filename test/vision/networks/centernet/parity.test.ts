import { describe, expect, test } from 'vitest'
import { differences } from './differences.ts'
import { HEAD, LAYERS } from './network-files.ts'
import { hasCoco, photographs, waves } from './pictures.ts'

describe('TfjsImport of the built-in network returns the numbers of TensorFlow.js', () => {
  const within = async (pictures: readonly (string | Buffer)[], size: number, nodes: readonly string[]) => {
    const each = await differences(pictures, size, nodes)
    for (const [i, difference] of each.entries()) expect(difference, nodes[i]).toBeLessThan(1e-4)
  }

  test('for a drawn picture: maps at 320, the head at 512', async () => {
    await within([await waves()], 320, LAYERS)
    await within([await waves()], 512, HEAD)
  })

  test.skipIf(!hasCoco)('for photographs (needs ../shared): maps at 320, the head at 512', async () => {
    const files = await photographs()
    await within(files.slice(0, 2), 320, LAYERS)
    await within(files.slice(2, 3), 512, HEAD)
  })
})
