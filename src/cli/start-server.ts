import { basename, resolve } from 'node:path'
import type { NetworkPaths } from '../caption/feature-extractor.ts'
import type { Device } from '../device.ts'
import { UserError } from '../errors.ts'
import { Captioner } from '../hosts/node/captioner.ts'
import { webFiles } from '../hosts/node/export-web.ts'
import { packageVersion } from '../hosts/node/package-version.ts'
import { createApp } from '../server/app.ts'
import { ByteBudget } from '../server/byte-budget.ts'
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../server/limits.ts'
import { listen } from '../server/listen.ts'
import type { LogRecord } from '../server/log.ts'
import { ServerMetrics } from '../server/metrics.ts'
import { hasPage, type ServedPage } from '../server/page.ts'
import { describeService } from '../server/service.ts'

/** The options of `mia serve`. */
export interface ServerOptions {
  readonly run?: string | undefined
  readonly cnn?: string | undefined
  readonly detector?: string | undefined
  readonly device?: Device | undefined
  readonly host: string
  readonly port: number
  /** the folder of the page at `/` */
  readonly page?: string | undefined
  /** the folder of the page at `/` if there is no other: it gets the captioner of `run` */
  readonly builtPage?: string | undefined
  readonly token?: string | undefined
  readonly allowHost?: readonly string[] | undefined
  readonly allowOrigin?: readonly string[] | undefined
  readonly queue: number
  readonly timeout: number
  readonly maxMegabytes: number
  readonly maxMegapixels: number
  readonly log: (record: LogRecord) => void
}

/** A server that runs. */
export interface StartedServer {
  readonly url: string
  /** Stops within ten seconds; resolves with the number of requests that were answered. */
  stop(): Promise<{ readonly answered: number }>
}

/** The name under which clients ask for the captioner that comes with this package. */
const PRETRAINED_NAME = 'mia-caption'

/** Loads a captioner, tries it, and serves it. Throws UserError if it cannot be loaded or nobody may listen there. */
export async function startServer(options: ServerOptions): Promise<StartedServer> {
  const { run, cnn, detector, host, port, log } = options
  const limits: ServerLimits = {
    ...DEFAULT_SERVER_LIMITS,
    bytes: options.maxMegabytes * 2 ** 20,
    pixels: options.maxMegapixels * 1e6,
    seconds: options.timeout,
    waiting: options.queue,
  }
  const budget = new ByteBudget(Math.max(limits.memory, 4 * limits.bytes))
  const metrics = new ServerMetrics({ waiting: () => captioner.waiting, held: () => budget.held })
  const networks: NetworkPaths = { ...(cnn !== undefined && { cnn }), ...(detector !== undefined && { detector }) }
  const captioner = await Captioner.load(run, {
    ...networks,
    ...(options.device && { device: options.device }),
    queue: { capacity: limits.waiting, whenFull: 'refuse', onBatch: metrics.batch },
  })
  let answered = 0
  try {
    await captioner.caption(GREY) // compiles and loads what the first request would wait for
    const model = run === undefined ? PRETRAINED_NAME : basename(resolve(run))
    const service = await describeService(captioner, { model, version: packageVersion(), limits, budget })
    const app = createApp({
      service,
      metrics,
      log: (record) => {
        answered += 1
        log(record)
      },
      hosts: (options.allowHost ?? []).map((name) => name.toLowerCase()),
      origins: options.allowOrigin ?? [],
      token: options.token,
      page: await pageOf(options),
    })
    const listening = await listen(app, { host, port, seconds: limits.seconds })
    log({ level: 'info', message: 'listening', url: listening.url, model })
    return {
      url: listening.url,
      stop: async () => {
        log({ level: 'info', message: 'stopping' })
        await listening.stop()
        await captioner.release()
        return { answered }
      },
    }
  } catch (error) {
    await captioner.release()
    throw error
  }
}

/** The page at `/`, if its folder is there, and if the run that is served can be used in it; else the log says why. */
async function pageOf({ page, builtPage, run, cnn, log }: ServerOptions): Promise<ServedPage | undefined> {
  const folder = page ?? builtPage
  if (folder === undefined || !hasPage(folder)) return undefined
  if (page !== undefined || run === undefined) return { folder }
  try {
    return { folder, model: await webFiles({ run, ...(cnn !== undefined && { cnn }) }) }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    log({ level: 'warn', message: 'there is no page', reason: error.message })
    return undefined
  }
}

/** A picture to try the captioner with. */
const GREY = { data: new Uint8Array(3 * 32 * 32).fill(128), width: 32, height: 32 }
