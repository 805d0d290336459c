import { UserError } from '../errors.ts'
import type { SearchModel } from '../models/contract.ts'
import { ensembleOf } from '../models/ensemble.ts'
import { sameSource } from '../vision/feature-source.ts'
import type { StoredDetector } from './stored-detector.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'
import type { Weights } from './weights.ts'

/** Captioners that say each word together. */
export interface Ensemble {
  /** the member whose inputs all take: it has the concept detector and the most concepts */
  readonly lead: TrainedCaptioner
  readonly model: SearchModel
  readonly weights: Weights
}

/**
 * The ensemble of captioners, which averages the probabilities that they give to a word; one alone is itself. Throws
 * UserError for none, and for captioners with other vocabularies, features or concept detectors.
 */
export function makeEnsemble(members: readonly TrainedCaptioner[]): Ensemble {
  const [first, ...others] = members
  if (first === undefined) throw new UserError('Cannot caption with no run: give at least one')
  if (others.length === 0) return { lead: first, model: first.model, weights: first.weights }
  const withConcepts = members.filter(({ detector }) => detector !== undefined)
  const most = withConcepts.toSorted((a, b) => b.config.model.concepts - a.config.model.concepts)
  const lead = most[0] ?? first
  for (const member of members) requireAlike(lead, member)
  const weights = members.flatMap((member, i) =>
    [...member.weights].map(([name, weight]) => [`${i}.${name}`, weight] as const),
  )
  return { lead, model: ensembleOf(members.map(({ config }) => config.model)), weights: new Map(weights) }
}

function requireAlike(lead: TrainedCaptioner, member: TrainedCaptioner): void {
  const fail = (what: string): never => {
    throw new UserError(
      `Cannot use runs "${lead.name}" and "${member.name}" together: they have other ${what}; train both on the same ` +
        'prepared dataset, with the same features and concepts',
    )
  }
  if (member.vocabulary.words.join('\n') !== lead.vocabulary.words.join('\n')) fail('vocabularies')
  if (!sameSource(member.config.features, lead.config.features)) fail('features')
  if (member.config.model.regions !== lead.config.model.regions) fail('numbers of regions')
  if (member.detector && member.config.model.conceptConfidences !== lead.config.model.conceptConfidences)
    fail('forms of concepts (--concept-confidences)')
  if (member.detector && !sameDetector(member.detector, lead.detector!)) fail('concept detectors')
}

function sameDetector(a: StoredDetector, b: StoredDetector): boolean {
  if (a.info.words.join('\n') !== b.info.words.join('\n')) return false
  return [...a.weights].every(([name, { data }]) => {
    const other = b.weights.get(name)?.data
    return other?.length === data.length && data.every((value, i) => value === other[i])
  })
}
