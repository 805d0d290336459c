import type { SkippedImage } from '../caption/photo-reader.ts'
import { counted } from '../wording.ts'
import type { Reporter } from './reporter.ts'

/** Images of one reason that are named one by one. */
const NAMED = 20

/** Warns of each skipped image; of many with the same reason the first are named and the others counted. */
export function warnSkipped(report: Reporter, skipped: readonly SkippedImage[]): void {
  const counts = new Map<string, number>()
  for (const { image, reason } of skipped) {
    const count = (counts.get(reason) ?? 0) + 1
    counts.set(reason, count)
    if (count <= NAMED) report.warn(`skipped ${image}: ${reason}`)
  }
  for (const [reason, count] of counts)
    if (count > NAMED) report.warn(`skipped ${counted(count - NAMED, 'more image')}: ${reason}`)
}
