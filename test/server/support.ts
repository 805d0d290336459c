import { onTestFinished } from 'vitest'
import { type ServerOptions, type StartedServer, startServer } from '../../src/cli/start-server.ts'
import type { LogRecord } from '../../src/server/log.ts'

/** A server of the test, and what it has logged. */
export interface TestServer extends StartedServer {
  readonly records: LogRecord[]
  /** The URL of a path. */
  at(path: string): string
}

/** Starts a server of the pretrained captioner at a free port of the loopback address. */
export async function startTestServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const records: LogRecord[] = []
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    queue: 64,
    timeout: 30,
    maxMegabytes: 20,
    maxMegapixels: 50,
    log: (record) => records.push(record),
    ...options,
  })
  return { ...server, records, at: (path) => new URL(path, server.url).href }
}

/** Starts a server that is stopped after the test. */
export async function serverOfTest(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const server = await startTestServer(options)
  onTestFinished(async () => void (await server.stop()))
  return server
}
