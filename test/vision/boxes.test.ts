import { expect, test } from 'vitest'
import { type Box, iou, suppress } from '../../src/vision/boxes.ts'

const box = (left: number, top: number, right: number, bottom: number): Box => ({ left, top, right, bottom })

test('iou() is the intersection over the union', () => {
  expect(iou(box(0, 0, 0.5, 0.5), box(0, 0, 0.5, 0.5))).toBe(1)
  expect(iou(box(0, 0, 0.5, 0.5), box(0.5, 0.5, 1, 1))).toBe(0)
  expect(iou(box(0, 0, 1, 0.5), box(0, 0.25, 1, 1))).toBeCloseTo(0.25)
  expect(iou(box(0.5, 0, 0.5, 1), box(0.5, 0, 0.5, 1))).toBe(0) // no area
})

test('suppress() keeps the highest score of detections that overlap and have the same label', () => {
  const detections = [
    { box: box(0, 0, 0.5, 0.5), label: 1, score: 0.5 },
    { box: box(0, 0, 0.52, 0.5), label: 1, score: 0.9 },
    { box: box(0, 0, 0.5, 0.5), label: 2, score: 0.4 },
    { box: box(0.6, 0.6, 1, 1), label: 1, score: 0.3 },
  ]
  expect(suppress(detections, 0.65, 10).map(({ score }) => score)).toEqual([0.9, 0.4, 0.3])
  expect(suppress(detections, 0.65, 2).map(({ score }) => score)).toEqual([0.9, 0.4])
  expect(suppress(detections, 0.99, 10)).toHaveLength(4)
})
