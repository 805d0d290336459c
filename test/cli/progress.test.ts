import { expect, test } from 'vitest'
import { duration, ProgressLine } from '../../src/cli/progress.ts'
import { Reporter } from '../../src/cli/reporter.ts'

/** A progress line on a stream that keeps what is written, with a clock that is set by hand. */
function watch({ isTTY = false, columns = 80 } = {}) {
  const kept = { text: '', now: 0 }
  const write = (text: string): void => {
    kept.text += text
  }
  const stream = { isTTY, columns, write }
  const line = new ProgressLine(stream, 'Features', 'images', () => kept.now)
  const at = (seconds: number, done: number, total: number): void => {
    kept.now = seconds * 1000
    line.update(done, total)
  }
  return { kept, stream, line, at }
}

test('without a terminal there is a plain line every ten seconds, with the rate and the time left', () => {
  const { kept, at } = watch()
  for (let second = 0; second <= 25; second++) at(second, second * 100, 6000)
  expect(kept.text).toBe(
    'Features: 1,000 of 6,000 images (16%, 100/s, 50 s left)\n' +
      'Features: 2,000 of 6,000 images (33%, 100/s, 40 s left)\n',
  )
})

test('on a terminal a bar is redrawn in its line, ten times a second at most', () => {
  const { kept, at } = watch({ isTTY: true, columns: 100 })
  for (let tick = 0; tick <= 100; tick++) at(tick / 100, tick * 30, 6000)
  const drawn = kept.text.split('\r\x1b[2K').slice(1)
  expect(drawn.length).toBeLessThanOrEqual(11)
  expect(drawn.at(-1)).toBe('Features ━━━━━━━━━━━━──────────── 3,000 of 6,000 images (50%, 3,000/s, 1 s left)')
  expect(kept.text).not.toContain('\n')
})

test.each([
  [68, 'Features ━━━━━━────── 1,000 of 2,000 images (50%, 100/s, 10 s left)'],
  [58, 'Features 1,000 of 2,000 images (50%, 100/s, 10 s left)'],
  [37, 'Features 1,000 of 2,000 images (50%,'],
])('on a terminal of %d columns the bar shrinks, and the line ends before the edge', (columns, drawn) => {
  const { kept, at } = watch({ isTTY: true, columns })
  at(0, 0, 2000)
  at(10, 1000, 2000)
  const last = kept.text.split('\r\x1b[2K').at(-1)!
  expect(last).toBe(drawn)
  expect(last.length).toBeLessThan(columns)
})

test('work of an earlier run does not count for the rate', () => {
  const { kept, at } = watch()
  at(0, 5000, 6000)
  at(10, 5100, 6000)
  expect(kept.text).toBe('Features: 5,100 of 6,000 images (85%, 10/s, 1:30 left)\n')
})

test('the rate is that of the last half minute', () => {
  const { kept, at } = watch()
  for (let second = 0; second <= 60; second++) at(second, second * 100, 100_000)
  for (let second = 61; second <= 120; second++) at(second, 6000 + (second - 60) * 10, 100_000)
  expect(kept.text.trim().split('\n').at(-1)).toContain('10/s')
})

test('finish() leaves one line with what was done', () => {
  const { kept, line, at } = watch({ isTTY: true })
  at(0, 0, 6000)
  at(125, 6000, 6000)
  line.finish()
  expect(kept.text.split('\r\x1b[2K').at(-1)).toBe('Features: 6,000 of 6,000 images, 2:05\n')
})

test('finish() prints nothing for work that never began', () => {
  const { kept, line } = watch()
  line.finish()
  expect(kept.text).toBe('')
})

test.each([
  [0.4, '0 s'],
  [59.4, '59 s'],
  [59.6, '1:00'],
  [3725, '1:02:05'],
  [90_000, '25:00:00'],
])('duration(%d) is %s', (seconds, said) => {
  expect(duration(seconds)).toBe(said)
})

test('a note removes the bar from the terminal, and the next update draws it again', () => {
  const { kept, stream } = watch({ isTTY: true })
  const report = new Reporter(stream)
  const progress = report.progress('Training', 'steps')
  progress(1, 4)
  report.note('Epoch 1: loss 5.8')
  progress(2, 4)
  const [, bar, note, again] = kept.text.split('\r\x1b[2K')
  expect(bar).toContain('1 of 4 steps')
  expect(note).toBe('Epoch 1: loss 5.8\n')
  expect(again).toContain('2 of 4 steps')
})

test('a quiet reporter prints nothing but warnings', () => {
  const { kept, stream } = watch()
  const report = new Reporter(stream, { quiet: true })
  report.progress('Training', 'steps')(4, 4)
  report.note('Epoch 1')
  report.warn('skipped broken.jpg')
  report.finish()
  expect(kept.text).toBe('Warning: skipped broken.jpg\n')
})

test('notes and warnings cannot send control characters to the terminal', () => {
  const { kept, stream } = watch()
  const report = new Reporter(stream)
  report.note('Epoch \x1b[2J')
  report.warn('skipped a\nb\x1b]0;title\x07.jpg')
  expect(kept.text).toBe('Epoch \\x1b[2J\nWarning: skipped a\\x0ab\\x1b]0;title\\x07.jpg\n')
})
