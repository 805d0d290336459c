/** A caption fits its image if its CIDEr-D against the references is at least this, about that of a human caption. */
export const FITTING_CIDER = 0.5

/** A calibrated confidence below this is low: fewer than three of ten such captions fit. */
export const LOW_CONFIDENCE = 0.3

/** A logistic curve from the mean probability of a caption's words to the probability that the caption fits. */
export interface Calibration {
  readonly intercept: number
  readonly slope: number
}

/** A caption whose fit is known. */
export interface JudgedCaption {
  /** the geometric mean of its words' probabilities, 0 to 1 */
  readonly mean: number
  readonly fits: boolean
}

/** The probability that a caption fits, 0 to 1, from the geometric mean of its words' probabilities. */
export const calibrated = ({ intercept, slope }: Calibration, mean: number): number =>
  1 / (1 + Math.exp(-(intercept + slope * logit(mean))))

/**
 * Fits the curve by maximum likelihood (Platt 1999, "Probabilistic outputs for support vector machines", with the
 * regularised targets of section 2.2), by Newton's method.
 */
export function fitCalibration(captions: readonly JudgedCaption[]): Calibration {
  const positives = captions.filter(({ fits }) => fits).length
  const targets = { fits: (positives + 1) / (positives + 2), fails: 1 / (captions.length - positives + 2) }
  const points = captions.map(({ mean, fits }) => ({ x: logit(mean), target: fits ? targets.fits : targets.fails }))
  let curve: Calibration = { intercept: 0, slope: 0 }
  for (let iteration = 0; iteration < NEWTON_STEPS; iteration++) {
    // The gradient (g0, g1) and the Hessian ((h00, h01), (h01, h11)) of the log-likelihood.
    let [g0, g1, h00, h01, h11] = [0, 0, RIDGE, 0, RIDGE]
    for (const { x, target } of points) {
      const p = 1 / (1 + Math.exp(-(curve.intercept + curve.slope * x)))
      const [error, weight] = [target - p, p * (1 - p)]
      g0 += error
      g1 += error * x
      h00 += weight
      h01 += weight * x
      h11 += weight * x * x
    }
    const determinant = h00 * h11 - h01 * h01
    curve = {
      intercept: curve.intercept + (h11 * g0 - h01 * g1) / determinant,
      slope: curve.slope + (h00 * g1 - h01 * g0) / determinant,
    }
  }
  return curve
}

/** Some captions of about the same confidence. */
export interface ReliabilityBin {
  /** the lowest and the highest confidence */
  readonly from: number
  readonly to: number
  readonly captions: number
  /** mean confidence */
  readonly confidence: number
  /** the share that fits */
  readonly fit: number
}

/**
 * How reliable calibrated confidences are: captions by rising confidence in `count` bins of equally many, and the mean
 * difference between confidence and share that fits (the expected calibration error, Naeini et al., AAAI 2015). Each
 * caption's confidence is that of a curve fitted without it: see crossValidated().
 */
export function reliabilityOf(
  captions: readonly JudgedCaption[],
  count: number,
): { readonly bins: ReliabilityBin[]; readonly error: number } {
  const confidences = crossValidated(captions)
  const sorted = captions
    .map(({ fits }, i) => ({ confidence: confidences[i]!, fits }))
    .sort((a, b) => a.confidence - b.confidence)
  const size = Math.max(1, Math.ceil(sorted.length / count))
  const bins = Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) => {
    const part = sorted.slice(i * size, (i + 1) * size)
    return {
      from: part[0]!.confidence,
      to: part.at(-1)!.confidence,
      captions: part.length,
      confidence: part.reduce((sum, { confidence }) => sum + confidence, 0) / part.length,
      fit: part.filter(({ fits }) => fits).length / part.length,
    }
  })
  const differences = bins.reduce((sum, bin) => sum + bin.captions * Math.abs(bin.confidence - bin.fit), 0)
  return { bins, error: differences / captions.length }
}

/** The confidence of each caption by a curve fitted to the captions of the other folds, every fifth caption. */
function crossValidated(captions: readonly JudgedCaption[]): number[] {
  const curves = Array.from({ length: Math.min(FOLDS, captions.length) }, (_, fold) =>
    fitCalibration(captions.filter((_, i) => i % FOLDS !== fold)),
  )
  return captions.map(({ mean }, i) => calibrated(curves[i % FOLDS]!, mean))
}

const FOLDS = 5
const NEWTON_STEPS = 30
/** Keeps the Hessian invertible if all captions have the same mean. */
const RIDGE = 1e-6

/** Log-odds; of 0 and 1 those of the next numbers that have any. */
const logit = (p: number): number => {
  const inner = Math.min(1 - 1e-9, Math.max(1e-9, p))
  return Math.log(inner / (1 - inner))
}
