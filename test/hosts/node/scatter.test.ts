import { expect, test } from 'vitest'
import { CompiledGraph } from '../../../src/engine/compiled.ts'
import { floatData } from '../../../src/engine/session.ts'
import { floats, ints } from '../../../src/formats/host-value.ts'
import { input, scatterAdd } from '../../../src/graph/index.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'

test('rows added at repeated ids are all added, whatever the number of threads', async () => {
  const [table, rows, width] = [3, 4000, 64]
  const like = input('like', [table, width])
  const graph = await CompiledGraph.load(nodeRuntime, {
    sums: scatterAdd(like, input('ids', ['N'], 'int32'), input('rows', ['N', width])),
  })
  const ids = Int32Array.from({ length: rows }, (_, i) => (i * i) % table)
  const expected = new Float32Array(table)
  for (const id of ids) expected[id]! += 1
  const feeds = {
    like: floats([table, width]),
    ids: ints(ids),
    rows: floats([rows, width], new Float32Array(rows * width).fill(1)),
  }
  for (let run = 0; run < 200; run++) {
    const sums = floatData((await graph.run(feeds)).sums)
    expect(sums.findIndex((sum, i) => sum !== expected[Math.floor(i / width)])).toBe(-1)
  }
  graph.release()
})
