import { describeErrno } from '../disk/errno.ts'
import { shortened } from '../wording.ts'

const NETWORK_FAULTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server is unknown; is this machine online?',
  EAI_AGAIN: 'the name of the server cannot be looked up; is this machine online?',
  ECONNREFUSED: 'the server refuses connections',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  ETIMEDOUT: 'the server does not answer',
  EHOSTUNREACH: 'the server cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  UND_ERR_SOCKET: 'the connection broke off',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'the server does not answer',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection broke off',
}

/** A failure of fetch() in words. Its cause has the code. */
export function networkFault(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    const words = NETWORK_FAULTS[(each as NodeJS.ErrnoException).code ?? ''] ?? describeErrno(each)
    if (words !== undefined) return words
    if (each.cause === undefined) return `the connection failed (${shortened(each.message)})`
  }
  return 'the connection failed'
}
