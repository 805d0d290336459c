import type { Captioner } from '../caption/captioner.ts'
import { sha256 } from '../formats/sha256.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { ServerLimits } from './limits.ts'

/** What a server needs of a captioner. */
export type ServedCaptioner = Pick<Captioner, 'caption' | 'explain' | 'represent' | 'waiting' | 'trained' | 'engine'>

/** The captioner that a server serves, with what its answers say of it. */
export interface Service {
  readonly captioner: ServedCaptioner
  /** the name by which clients ask for it */
  readonly model: string
  /** the version of this package */
  readonly version: string
  /** its parameters, the detector's included */
  readonly parameters: number
  /** SHA-256 of its weights */
  readonly digest: string
  /** when the server was started */
  readonly started: Date
  readonly limits: ServerLimits
  readonly budget: ByteBudget
}

/** Describes a captioner to be served under the name `model`. */
export async function describeService(
  captioner: ServedCaptioner,
  rest: Pick<Service, 'model' | 'version' | 'limits' | 'budget'>,
): Promise<Service> {
  const { weights, detector } = captioner.trained
  const tensors = [weights, detector?.weights ?? new Map()].flatMap((all) => [...all.values()].map(({ data }) => data))
  const bytes = tensors.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
  return {
    ...rest,
    captioner,
    parameters: tensors.reduce((sum, { length }) => sum + length, 0),
    digest: await sha256(...bytes),
    started: new Date(),
  }
}
