import { isIP } from 'node:net'
import { Failure } from './failure.ts'

/**
 * Throws Failure unless the header Host names this server. A page of another site whose name was made to resolve to
 * this machine (DNS rebinding) has that site's name there. An address is always right, since rebinding needs a name;
 * `names` are allowed beside localhost.
 */
export function checkHost(host: string | null, names: readonly string[]): void {
  const name = hostName(host ?? '')
  if (name === undefined) throw new Failure(400, 'The header Host is missing or malformed')
  const own = isIP(name) > 0 || name === 'localhost' || name.endsWith('.localhost') || names.includes(name)
  if (!own) throw new Failure(421, 'The header Host is not a name of this server; allow it with --allow-host')
}

/** The name or address in a Host header, without port and brackets; undefined if it is malformed. */
function hostName(host: string): string | undefined {
  const [, v6, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return (v6 ?? name)?.toLowerCase().replace(/\.$/, '')
}

/**
 * Whether a page of `origin` may use this server: its own pages, and origins in `allowed`. Programs other than
 * browsers send no Origin.
 */
export function mayUse(origin: string | null, host: string | null, allowed: readonly string[]): boolean {
  if (origin === null || allowed.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}
