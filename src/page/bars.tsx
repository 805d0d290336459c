import type { ConceptWeight } from '../pages/alignment.ts'
import { percent } from './texts.ts'

/** Concepts as bars, as long as their weights. */
export const Bars = ({ weights }: { weights: readonly ConceptWeight[] }) => (
  <ul class="bars">
    {weights.map(([word, weight]) => (
      <li key={word} style={{ '--weight': weight }}>
        {word} <small>{percent(weight)}</small>
      </li>
    ))}
  </ul>
)
