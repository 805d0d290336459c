// Prints the tables of docs/scaling.md: what a training step would take on 8 to 512 ranks, from the step of one rank and
// the bytes of its gradients, both measured by bench/ranks.ts.
// Usage: npx tsx bench/scaling.ts <seconds of a step on one rank> <bytes of the gradients>

/** Ranks, one to a machine. */
const RANKS = [8, 16, 32, 64, 128, 256, 512]
/** Networks: bytes in a second, and the seconds of a message without content: usual values of TCP and of InfiniBand. */
const NETWORKS = [
  { name: '10 Gbit/s', bytesPerSecond: 10e9 / 8, latency: 50e-6 },
  { name: '100 Gbit/s', bytesPerSecond: 100e9 / 8, latency: 5e-6 },
]

interface Link {
  readonly bytesPerSecond: number
  readonly latency: number
}

/**
 * Seconds of an all-reduce of `bytes` by N ranks (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4). Ring: every
 * rank sends N - 1 parts of bytes/N twice. Tree: a reduction along a binomial tree, then a broadcast, log2(N) messages
 * of all bytes each.
 */
const ALGORITHMS = {
  ring: (ranks: number, bytes: number, { bytesPerSecond, latency }: Link) =>
    2 * (ranks - 1) * (latency + bytes / ranks / bytesPerSecond),
  tree: (ranks: number, bytes: number, { bytesPerSecond, latency }: Link) =>
    2 * Math.ceil(Math.log2(ranks)) * (latency + bytes / bytesPerSecond),
} as const

const [step, bytes] = process.argv.slice(2).map(Number) as [number, number]
if (!(step > 0 && bytes > 0))
  throw new Error('Usage: npx tsx bench/scaling.ts <seconds of a step> <bytes of the gradients>')

const milliseconds = (seconds: number): string => (1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)
const columns = NETWORKS.flatMap((network) =>
  ([1, 2] as const).flatMap((divisor) =>
    (['ring', 'tree'] as const).map((algorithm) => ({ network, divisor, algorithm })),
  ),
)
const title = ({ network, divisor, algorithm }: (typeof columns)[number]): string =>
  `${algorithm}, ${network.name}, float${32 / divisor}`
console.log(`| ranks | ${columns.map(title).join(' | ')} |`)
console.log(`| --- |${' ---: |'.repeat(columns.length)}`)
for (const ranks of RANKS) {
  const cells = columns.map(({ network, divisor, algorithm }) => {
    const seconds = ALGORITHMS[algorithm](ranks, bytes / divisor, network)
    return `${milliseconds(seconds)} ms (${((100 * step) / (step + seconds)).toFixed(0)}%)`
  })
  console.log(`| ${ranks} | ${cells.join(' | ')} |`)
}
