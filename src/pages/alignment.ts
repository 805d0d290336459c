import type { ExplainedCaption } from '../caption/photo-caption.ts'
import { round } from './attention-map.ts'
import { escapeHtml, percent } from './html.ts'

/** A concept and its attention weight, from 0 to 1. */
export type ConceptWeight = readonly [word: string, weight: number]

/** The concepts that a region attends to most, before mutual attention and after it, largest weight first. */
export interface Alignment {
  readonly before: readonly ConceptWeight[]
  readonly after: readonly ConceptWeight[]
}

/** Concepts listed for a region or, for the models that attend to concepts, for a word. */
const SHOWN_CONCEPTS = 5

/** The alignment of a region of a caption that has one. */
export function alignmentOf(
  region: number,
  { explanation, allConcepts }: Pick<ExplainedCaption, 'explanation' | 'allConcepts'>,
): Alignment {
  const { before, after } = explanation.alignment!
  const size = Math.sqrt(before.length)
  const names = allConcepts.map(({ word }) => word)
  const row = (attention: Float32Array) => attention.subarray(region * size, (region + 1) * size)
  return { before: largestWeights(row(before), names), after: largestWeights(row(after), names) }
}

/**
 * The largest attention weights with the concepts' names, normalised over the rows that have names: MIA adds zero rows
 * if there are fewer concepts than regions.
 */
export function largestWeights(attention: Float32Array, names: readonly string[]): ConceptWeight[] {
  const named = attention.subarray(0, names.length)
  const sum = named.reduce((total, weight) => total + weight, 0) || 1
  return Array.from(named, (weight, i): ConceptWeight => [names[i]!, round(weight / sum)])
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_CONCEPTS)
}

/** Concepts as bars, as long as their weights. */
export const weightBars = (concepts: readonly ConceptWeight[]): string =>
  concepts
    .map(
      ([word, weight]) =>
        `<span class="weight" style="--weight:${weight}">${escapeHtml(word)} <small>${percent(weight)}</small></span>`,
    )
    .join('')

/** The alignments of some regions as a table; the script shows that of another region when it is chosen. */
export function alignmentTable(alignments: readonly Alignment[], regions: readonly number[], caption: string): string {
  const rows = regions.map((region, i) => {
    const { before, after } = alignments[region]!
    const cells = [before, after].map((concepts) => `<td>${weightBars(concepts)}</td>`)
    return `<tr data-region="${region}"><th scope="row">${i + 1}</th>${cells.join('')}</tr>`
  })
  return `<h3>Concepts of a region <small class="which" aria-live="polite">${caption}</small></h3>
<table><thead><tr><td></td><th scope="col">before MIA</th><th scope="col">after MIA</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`
}
