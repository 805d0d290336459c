/** The result of a check of `mia doctor`. */
export interface Check {
  readonly name: string
  /** `none`: this machine need not have it; `warning`: captioning works without it; `error`: it must be repaired */
  readonly status: 'ok' | 'none' | 'warning' | 'error'
  readonly found: string
  /** how to repair it */
  readonly fix?: string
}

/** The repair of a missing or damaged npm package. */
export const REINSTALL = 'install the packages again: npm ci'

/** Runs a check. If it throws, most often since a package is missing, the result is an error with the message. */
export async function attempt(name: string, check: () => Check | Promise<Check>): Promise<Check> {
  try {
    return await check()
  } catch (error) {
    const found = (error as Error).message.split('\n')[0]!
    return { name, status: 'error', found, fix: REINSTALL }
  }
}
