import { expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import type { Box } from '../../src/vision/boxes.ts'
import { roiAlign } from '../../src/vision/roi-align.ts'
import { onnxModel } from '../onnx/onnx-models.ts'
import { normals } from '../support/random.ts'

const [COLUMNS, ROWS, SIZE] = [7, 5, 3]

test("roiAlign() returns the numbers of ONNX Runtime's RoiAlign with one bin of 7 x 7 samples", async () => {
  const data = Float32Array.from(normals(4)(COLUMNS * ROWS * SIZE))
  const boxes: Box[] = [
    { left: 0, top: 0, right: 1, bottom: 1 },
    { left: 0.1, top: 0.35, right: 0.62, bottom: 0.4 },
    { left: 0.7, top: 0.7, right: 1, bottom: 1 },
    { left: 0.33, top: 0.1, right: 0.34, bottom: 0.9 },
  ]
  const planes = Float32Array.from({ length: data.length }, (_, i) => {
    const [channel, cell] = [Math.floor(i / (COLUMNS * ROWS)), i % (COLUMNS * ROWS)]
    return data[cell * SIZE + channel]!
  })
  const corners = boxes.flatMap(({ left, top, right, bottom }) => [
    left * COLUMNS,
    top * ROWS,
    right * COLUMNS,
    bottom * ROWS,
  ])
  const session = await nodeRuntime.load(
    onnxModel({
      nodes: [
        {
          type: 'RoiAlign',
          inputs: ['map', 'boxes', 'images'],
          output: 'y',
          attrs: {
            mode: 'avg',
            output_height: 1,
            output_width: 1,
            sampling_ratio: 7,
            coordinate_transformation_mode: 'half_pixel',
          },
        },
      ],
      inputs: { map: [1, SIZE, ROWS, COLUMNS], boxes: [boxes.length, 4] },
      stored: { images: { shape: [boxes.length], values: boxes.map(() => 0), int64: true } },
      output: 'y',
      opset: 16,
    }),
  )
  const results = await session.run({
    map: floats([1, SIZE, ROWS, COLUMNS], planes),
    boxes: floats([boxes.length, 4], Float32Array.from(corners)),
  })
  session.release()
  const theirs = floatData(Object.values(results)[0])
  for (const [i, box] of boxes.entries()) {
    const ours = new Float32Array(SIZE)
    roiAlign({ data, columns: COLUMNS, rows: ROWS, size: SIZE }, box, ours)
    for (let c = 0; c < SIZE; c++) expect(ours[c]!).toBeCloseTo(theirs[i * SIZE + c]!, 5)
  }
})
