import type { Communicator } from '../../src/distributed/communicator.ts'

/** Ranks within this process: what one sends, the others get when all have made the same call. */
export function ranksInProcess(size: number): readonly Communicator[] {
  const lost = new AbortController().signal
  /** for each call in order: what the ranks gave, and how to wake those that wait for the others */
  const meetings: { given: Uint8Array[]; wake: (() => void)[] }[] = []
  const made = Array<number>(size).fill(0)
  /** What all ranks gave for a call, once they have made it. */
  const meet = async (rank: number, data: Uint8Array): Promise<readonly Uint8Array[]> => {
    const number = made[rank]!++
    meetings[number] ??= { given: [], wake: [] }
    const { given, wake } = meetings[number]
    given[rank] = data.slice()
    if (wake.length === size - 1) for (const each of wake) each()
    else await new Promise<void>((resolve) => wake.push(resolve))
    return given
  }
  const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    local: { rank, size },
    description: `${size} ranks in one process`,
    lost,
    async sum(data) {
      const all = (await meet(rank, bytesOf(data))).map((bytes) => new Float32Array(bytes.buffer))
      data.set(data.map((_, i) => all.reduce((total, each) => Math.fround(total + each[i]!), 0)))
    },
    async broadcast(data) {
      data.set((await meet(rank, data))[0]!)
    },
    gather: (data) => meet(rank, data),
    async exchange(data, into) {
      const part = data.length / size
      for (const [from, bytes] of (await meet(rank, data)).entries())
        into.set(bytes.subarray(rank * part, (rank + 1) * part), from * part)
    },
    busy() {},
  }))
}
