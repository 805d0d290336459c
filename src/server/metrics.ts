import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Seconds of a request, from a fast answer to the time limit. */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What a server measures, as Prometheus reads it; beside these the process's memory, CPU and event loop. */
export class ServerMetrics {
  readonly #registry = new Registry()
  readonly #requests: Counter<'method' | 'path' | 'status'>
  readonly #seconds: Histogram<'path'>
  readonly #batches: Histogram
  readonly #inProgress: Gauge

  /** `state` is asked at each scrape: images that wait, and bytes of bodies held. */
  constructor(state: { readonly waiting: () => number; readonly held: () => number }) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#requests = new Counter({
      name: 'mia_http_requests_total',
      help: 'Requests answered',
      labelNames: ['method', 'path', 'status'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'mia_http_request_seconds',
      help: 'Seconds from the headers of a request to its answer',
      labelNames: ['path'],
      buckets: SECONDS,
      registers,
    })
    this.#batches = new Histogram({
      name: 'mia_batch_images',
      help: 'Images that went through the model together',
      buckets: [1, 2, 4, 8, 12, 16],
      registers,
    })
    this.#inProgress = new Gauge({
      name: 'mia_http_requests_in_progress',
      help: 'Requests not yet answered',
      registers,
    })
    gauge('mia_queue_waiting', 'Images that wait for a later batch', state.waiting, registers)
    gauge('mia_body_bytes', 'Bytes of bodies held', state.held, registers)
  }

  /** The media type of text(). */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** Counts a request that came in. */
  began(): void {
    this.#inProgress.inc()
  }

  /** Counts a request that was answered; `path` is that of its endpoint, so that there are few. */
  ended(method: string, path: string, status: number, seconds: number): void {
    this.#inProgress.dec()
    this.#requests.inc({ method, path, status: `${status}` })
    this.#seconds.observe({ path }, seconds)
  }

  /** Counts a batch. */
  readonly batch = (images: number): void => this.#batches.observe(images)

  /** All of it in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

function gauge(name: string, help: string, value: () => number, registers: Registry[]): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value())
    },
  })
}
