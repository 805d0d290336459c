import * as v from 'valibot'
import { validate } from '../validate.ts'
import { type Calibration, FITTING_CIDER } from './calibration.ts'

const FORMAT = 'mia-calibration/1'
const SCHEMA = v.object({
  format: v.literal(FORMAT),
  /** the CIDEr-D from which a caption counted as fitting */
  fittingCider: v.number(),
  intercept: v.number(),
  slope: v.number(),
})

/** A calibration from parsed JSON; `path` names its file in errors. Throws UserError for any other value. */
export const parseCalibration = (value: unknown, path: string): Calibration =>
  validate(SCHEMA, value, path, 'make it again with "mia card"')

/** A calibration as the JSON that parseCalibration() reads. */
export const formatCalibration = ({ intercept, slope }: Calibration): string =>
  `${JSON.stringify({ format: FORMAT, fittingCider: FITTING_CIDER, intercept, slope }, null, 2)}\n`
