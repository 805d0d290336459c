/** What was looked at on this machine. */
export interface Check {
  readonly what: string
  /** `no` is what one can do without */
  readonly state: 'ok' | 'no' | 'broken'
  readonly found: string
  /** what to do, where something is not there or does not work */
  readonly mend?: string
}

/** What mends a package of npm that is missing or damaged. */
export const REINSTALL = 'install the packages again: npm ci'

/** What a look finds; one that fails finds something broken, most often a package that is not there. */
export async function attempt(what: string, look: () => Check | Promise<Check>): Promise<Check> {
  try {
    return await look()
  } catch (error) {
    const found = (error as Error).message.split('\n')[0]!
    return { what, state: 'broken', found, mend: REINSTALL }
  }
}
