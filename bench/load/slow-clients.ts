import { connect, type Socket } from 'node:net'
import { checkLoopback } from './requests.ts'

/** Clients that send a body a byte at a time. */
export interface SlowClients {
  /** those whose connection is still open */
  readonly open: number
  /** Closes them all. */
  end(): void
}

/** Connects `count` clients, each of which sends the headers of a picture and then one byte every `milliseconds`. */
export async function slowClients(url: string, count: number, milliseconds: number): Promise<SlowClients> {
  checkLoopback(url)
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const head = `POST /v1/caption HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 1000000\r\n\r\nGIF89a`
  await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<void>((resolve) => {
          const socket = connect(Number(port), hostname, () => {
            sockets.add(socket)
            socket.write(head)
            resolve()
          })
          socket.on('error', () => resolve())
          socket.on('close', () => sockets.delete(socket))
          socket.resume()
        }),
    ),
  )
  const timer = setInterval(() => {
    for (const socket of sockets) socket.write('x')
  }, milliseconds)
  return {
    get open() {
      return sockets.size
    },
    end: () => {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
    },
  }
}
