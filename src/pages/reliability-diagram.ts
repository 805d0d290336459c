import type { ReliabilityBin } from '../caption/calibration.ts'

const SIZE = 320
const MARGIN = 44

/**
 * A reliability diagram as SVG (Niculescu-Mizil and Caruana, ICML 2005): the share of captions that fit, over their
 * confidence; each point is a bin, with an error bar of one standard error. Captions of a perfect confidence lie on the
 * diagonal.
 */
export function reliabilityDiagram(bins: readonly ReliabilityBin[]): string {
  const x = (confidence: number): string => (MARGIN + confidence * SIZE).toFixed(1)
  const y = (share: number): string => (MARGIN / 2 + (1 - share) * SIZE).toFixed(1)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) =>
      `<text x="${x(tick)}" y="${y(0)}" dy="18" text-anchor="middle">${100 * tick}%</text>` +
      `<text x="${x(0)}" y="${y(tick)}" dx="-6" dy="4" text-anchor="end">${100 * tick}%</text>`,
  )
  const points = bins.map(({ confidence, fit, captions }) => {
    const error = Math.sqrt((fit * (1 - fit)) / captions)
    const [top, bottom] = [Math.min(1, fit + error), Math.max(0, fit - error)]
    return (
      `<path d="M${x(confidence)} ${y(bottom)}V${y(top)}"/>` +
      `<circle cx="${x(confidence)}" cy="${y(fit)}" r="4"><title>${captions} captions: confidence ` +
      `${(100 * confidence).toFixed(0)}%, fit ${(100 * fit).toFixed(0)}%</title></circle>`
    )
  })
  const width = SIZE + 1.5 * MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${SIZE + 1.5 * MARGIN}" width="${width}" role="img" aria-label="Reliability diagram">
<style>text{font:12px sans-serif;fill:#555}.line{stroke:#999;fill:none}circle{fill:#2a6fdb}path{stroke:#2a6fdb;stroke-width:2}.even{stroke:#999;stroke-dasharray:4 4}rect{fill:#fff}@media (prefers-color-scheme:dark){text{fill:#bbb}rect{fill:#16181d}circle{fill:#7fb0ff}path{stroke:#7fb0ff}}</style>
<rect width="100%" height="100%"/>
<polyline class="line" points="${x(0)},${y(1)} ${x(0)},${y(0)} ${x(1)},${y(0)}"/>
<line class="even" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>
${[...ticks, ...points].join('\n')}
<text x="${x(0.5)}" y="${y(0)}" dy="36" text-anchor="middle">confidence</text>
<text x="${x(0)}" y="${y(1)}" dy="-6">captions that fit</text>
</svg>
`
}
