import type { Communicator, Waiting } from './communicator.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const decode = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T

/** Returns each rank's value, which JSON can hold, to every rank. */
export async function gatherJson<T>(ranks: Communicator, value: T, waiting?: Waiting): Promise<readonly T[]> {
  if (ranks.size === 1) return [value]
  return (await ranks.gather(encode(value), waiting)).map((bytes) => decode<T>(bytes))
}

/** Returns the value of rank 0, which JSON can hold, to every rank; the values of the others are not used. */
export async function fromRankZero<T>(ranks: Communicator, value: T | undefined, waiting?: Waiting): Promise<T> {
  if (ranks.size === 1) return value!
  const [first] = await ranks.gather(ranks.rank === 0 ? encode(value) : new Uint8Array(), waiting)
  return decode<T>(first!)
}

/** Waits until every rank has called it. */
export async function barrier(ranks: Communicator, waiting?: Waiting): Promise<void> {
  if (ranks.size > 1) await ranks.gather(new Uint8Array(), waiting)
}
